"""VMoBA on boxes of rows and columns; the frame is 3 by 7 points."""

import torch

from tests.references.route.vmoba_1d import chosen


def inputs(q, k, **_):
    at = torch.arange(k.shape[1]) % 21
    return {"box": (at // 7) // 2 * 3 + at % 7 // 3}


def pairs(q, k, *, p, box):
    return chosen(q, k, p, [(box == u).nonzero().flatten().tolist() for u in box.unique()])
