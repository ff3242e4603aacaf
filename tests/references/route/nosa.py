"""NOSA: two choices, one that knows the query and one that does not."""

import torch

from tests.references.route.choice import best, blocks, dot, local, nothing, past


def inputs(q, k, **_):
    generator = torch.Generator().manual_seed(6)
    return {"importance": torch.rand(k.shape[0], k.shape[1], generator=generator)}


def pairs(q, k, *, n, m, block, sinks, w, importance):
    seen, length = nothing(q), q.shape[1]
    for h in range(q.shape[0]):
        group = (h // 2 * 2, h // 2 * 2 + 1)
        for i in range(length):
            units = past(blocks(length, block), i)
            aware = {j: sum(dot(q[g, i], k[g, x].mean(0)) for g in group) for j, x in units.items()}
            blind = {j: float(importance[h // 2, x].double().mean()) for j, x in units.items()}
            for j in {*best(aware, n), *best(blind, m)}:
                seen[h, i, units[j]] = True
            local(seen, h, i, sinks, w)
    return seen
