"""VMoBA on boxes of rows and columns, through both frames of 3 by 7 points."""

import torch

from tests.references.route.vmoba_1d import chosen

GRID = (2, 3, 7)


def pairs(q, k, *, p, rows, columns):
    at = torch.arange(k.shape[1]) % 21
    box = (at // 7) // rows * 9 + at % 7 // columns
    return chosen(q, k, p, [(box == u).nonzero().flatten().tolist() for u in box.unique()])
