"""Dense attention in float64 from scores and a mask, rows without keys giving zeros."""

import numpy as np


def softmax(scores, pairs, v, sinks=None):
    """scores and pairs [B, H, Nq, Nk], v [B, H, Nk, Dv] -> out [B, H, Nq, Dv], lse [B, H, Nq].

    `sinks` [H or 1] are logits of one more term of the denominator.
    """
    out = np.zeros((*scores.shape[:3], v.shape[-1]))
    lse = np.full(scores.shape[:3], -np.inf)
    for at in np.ndindex(*lse.shape):
        kept = pairs[at]
        if kept.any():
            weights = np.exp(scores[at][kept] - scores[at][kept].max())
            out[at] = weights @ v[at[0], at[1]][kept] / weights.sum()
            lse[at] = np.log(weights.sum()) + scores[at][kept].max()
    if sinks is not None:
        total = np.exp(lse) + np.exp(sinks)[:, None]
        out, lse = out * (np.exp(lse) / total)[..., None], np.log(total)
    return out, lse
