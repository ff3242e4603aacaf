"""VMoBA on boxes of frames, rows and columns, of 5 frames of 3 by 4 points."""

import torch

from tests.references.route.vmoba_1d import chosen

GRID = (5, 3, 4)


def pairs(q, k, *, p, frames, rows, columns):
    t, at = torch.arange(k.shape[1]) // 12, torch.arange(k.shape[1]) % 12
    box = (t // frames * 9 + at // 4 // rows) * 9 + at % 4 // columns
    return chosen(q, k, p, [(box == u).nonzero().flatten().tolist() for u in box.unique()])
