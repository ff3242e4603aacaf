"""Causal attention whose weights are exp(s) / (1 + the sum of exp(s))."""

import numpy as np

from tests.references.line.causal import keys

__all__ = ["keys", "sinks"]


def sinks():
    """The logit of the extra term, for every head."""
    return np.zeros(1)
