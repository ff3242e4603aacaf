"""Varied-size window attention: the points inside of the rectangle of each query and head."""

import torch

from tests.references.route.choice import nothing

GRID = (5, 12)


def inputs(q, k, **_):
    generator = torch.Generator().manual_seed(12)
    sides = zip(("top", "bottom", "left", "right"), (5, 5, 12, 12), strict=True)
    return {n: torch.randint(-1, x, q.shape[:2], generator=generator) for n, x in sides}


def pairs(q, k, *, top, left, bottom, right):
    seen = nothing(q)
    for h, i in ((h, i) for h in range(len(q)) for i in range(q.shape[1])):
        for j in range(k.shape[1]):
            y, x = divmod(j, GRID[1])
            rows = int(top[h, i]) <= y <= int(bottom[h, i])
            seen[h, i, j] = rows and int(left[h, i]) <= x <= int(right[h, i])
    return seen
