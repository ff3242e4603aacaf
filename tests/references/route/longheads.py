"""LongHeads: the first chunk, the newest, and the n nearest."""

import torch

from tests.references.route.choice import best, dot, nothing


def inputs(q, k, *, chunk, **_):
    generator = torch.Generator().manual_seed(5)
    shape = (k.shape[0], -(-k.shape[1] // chunk), k.shape[2])
    return {"representation": torch.randn(shape, generator=generator, dtype=torch.float64)}


def pairs(q, k, *, n, chunk, representation):
    seen = nothing(q)
    for h in range(q.shape[0]):
        for i in range(q.shape[1]):
            own = i // chunk
            scores = {j: dot(q[h, i], representation[h // 2, j]) for j in range(1, own)}
            for j in [0, *best(scores, n), own]:
                seen[h, i, j * chunk : min((j + 1) * chunk, i + 1)] = True
    return seen
