"""VMoBA on boxes of frames, rows and columns."""

import torch

from tests.references.route.vmoba_1d import chosen


def inputs(q, k, **_):
    t, at = torch.arange(k.shape[1]) // 12, torch.arange(k.shape[1]) % 12
    return {"box": (t // 2 * 2 + at // 4 // 2) * 2 + at % 4 // 2}


def pairs(q, k, *, p, box):
    return chosen(q, k, p, [(box == u).nonzero().flatten().tolist() for u in box.unique()])
