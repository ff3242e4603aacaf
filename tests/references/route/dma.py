"""Dynamic mask attention: the keys of the greatest gain."""

import torch

from tests.references.route.choice import best, nothing


def inputs(q, k, **_):
    generator = torch.Generator().manual_seed(8)
    return {"gain": torch.randn(2 * k.shape[0], k.shape[1], generator=generator)}


def pairs(q, k, *, w, gain):
    seen = nothing(q)
    for h in range(q.shape[0]):
        for i in range(q.shape[1]):
            seen[h, i, best({j: float(gain[h, j]) for j in range(i + 1)}, w)] = True
    return seen
