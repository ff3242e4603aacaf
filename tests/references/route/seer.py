"""SeerAttention: a gate says what each block of queries takes."""

import torch

from tests.references.route.choice import best, nothing


def inputs(q, k, *, block, **_):
    count = -(-q.shape[1] // block)
    generator = torch.Generator().manual_seed(2)
    return {"gate": torch.randn(q.shape[0], count, count, generator=generator)}


def pairs(q, k, *, n, block, gate):
    seen = nothing(q)
    for h in range(q.shape[0]):
        for i in range(q.shape[1]):
            own = i // block
            scores = {j: float(gate[h, own, j]) for j in range(own)}
            for j in [*best(scores, n), own]:
                seen[h, i, j * block : min((j + 1) * block, i + 1)] = True
    return seen
