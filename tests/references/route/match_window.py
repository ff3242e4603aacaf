"""MatchAttention: the points of the other image near the match of the query."""

import torch

from tests.references.route.choice import nothing

WIDTH = 9


def inputs(q, k, **_):
    generator, at = torch.Generator().manual_seed(13), torch.arange(k.shape[1])
    match = {n: torch.randint(0, 9, q.shape[:2], generator=generator) for n in ("y", "x")}
    return {"row": at // WIDTH, "column": at % WIDTH, **match}


def pairs(q, k, *, r, row, column, y, x):
    seen = nothing(q)
    for h, i in ((h, i) for h in range(len(q)) for i in range(q.shape[1])):
        for dy in range(-r, r + 1):
            for dx in range(-r, r + 1):
                down, right = int(y[h, i]) + dy, int(x[h, i]) + dx
                if down >= 0 and 0 <= right < WIDTH and down * WIDTH + right < k.shape[1]:
                    seen[h, i, down * WIDTH + right] = True
    return seen
