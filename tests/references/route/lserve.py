"""LServe: the greatest product that the bounds of a page allow."""

import torch

from tests.references.route.choice import best, blocks, kept, local, nothing, past


def pairs(q, k, *, n, page, sinks, w):
    seen = nothing(q)
    for h in range(q.shape[0]):
        for i in range(q.shape[1]):
            units = past(blocks(q.shape[1], page), i)
            units = {j: x for j, x in units.items() if not kept(x, i, sinks, w)}
            scores = {
                j: float(torch.maximum(q[h, i] * k[h, x].amin(0), q[h, i] * k[h, x].amax(0)).sum())
                for j, x in units.items()
            }
            for j in best(scores, n):
                seen[h, i, units[j]] = True
            local(seen, h, i, sinks, w)
    return seen
