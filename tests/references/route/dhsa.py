"""DHSA: chunks by their mean times the root of their length."""

import torch

from tests.references.route.choice import best, dot, local, nothing


def inputs(q, k, **_):
    generator = torch.Generator().manual_seed(9)
    return {"chunk": (torch.rand(k.shape[1], generator=generator) < 0.2).cumsum(0)}


def pairs(q, k, *, n, block, w, chunk):
    seen, length = nothing(q), q.shape[1]
    units = [(chunk == u).nonzero().flatten().tolist() for u in range(int(chunk.max()) + 1)]
    for h in range(q.shape[0]):
        for i in range(length):
            first = i // block * block
            asked = q[h, first : first + block].mean(0)
            scores = {
                j: dot(asked, k[h, x].mean(0)) * len(x) ** 0.5
                for j, x in enumerate(units)
                if x and max(x) <= first
            }
            for j in best(scores, n):
                seen[h, i, units[j]] = True
            local(seen, h, i, 0, w)
    return seen
