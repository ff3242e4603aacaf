"""SeNER's arrow attention: [CLS] sees all, others a window and [CLS]; [CLS] has LogN scaling."""

import numpy as np


def keys(q, length, h, heads, *, w):
    return range(length) if q < 1 else {0, *range(q - w, q + w + 1)}


def scores(s, q, k, *, base, length=None, **_):
    """s [B, H, Nq, Nk], q [Nq, 1], k [Nk]."""
    return np.where(q == 0, s * np.log(len(k)) / np.log(base), s)
