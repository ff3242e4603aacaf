"""Shaw et al.: a bias per distance k - q, clipped to -r .. r; every key is seen."""

import numpy as np

from tests.references.line.full import keys

__all__ = ["keys", "scores"]


def scores(s, q, k, *, r, table):
    bias = np.empty((table.shape[0], q.size, k.size))
    for i, j in np.ndindex(q.size, k.size):
        distance = max(-r, min(r, int(k[j] - q[i, 0])))
        bias[:, i, j] = table[:, distance + r]
    return s + bias
