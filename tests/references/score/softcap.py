"""Gemma 2: cap * tanh(s / cap), causal."""

import numpy as np

from tests.references.line.causal import keys

__all__ = ["keys", "scores"]


def scores(s, q, k, *, cap):
    return np.tanh(s / cap) * cap
