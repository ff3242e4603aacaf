"""Dense attention in float64 from scores and a mask, rows without keys giving zeros."""

import numpy as np


def softmax(scores, pairs, v):
    """scores and pairs [B, H, Nq, Nk], v [B, H, Nk, Dv] -> out [B, H, Nq, Dv], lse [B, H, Nq]."""
    out = np.zeros((*scores.shape[:3], v.shape[-1]))
    lse = np.full(scores.shape[:3], -np.inf)
    for at in np.ndindex(*lse.shape):
        kept = pairs[at]
        if kept.any():
            weights = np.exp(scores[at][kept] - scores[at][kept].max())
            out[at] = weights @ v[at[0], at[1]][kept] / weights.sum()
            lse[at] = np.log(weights.sum()) + scores[at][kept].max()
    return out, lse
