"""Revela: causal in the own document, all of the others, those weighted by similarity."""

import numpy as np


def keys(q, length, h, heads, *, doc):
    own = doc[np.clip(q, 0, length - 1)] if length else None
    return [j for j in range(length) if doc[j] != own or j <= q]


def scores(s, q, k, *, documents, doc, weight):
    """s [B, H, Nq, Nk], q [Nq, 1], k [Nk], doc [Nk], weight [documents^2]."""
    mine, theirs = doc[np.clip(q, 0, len(k) - 1)], doc[k]
    similar = weight.reshape(documents, documents)[mine, theirs]
    return s + np.where(mine == theirs, 0.0, similar)
