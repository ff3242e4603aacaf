"""InfLLM: chunks of queries, representatives of blocks."""

import torch

from tests.references.route.choice import best, blocks, dot, kept, local, nothing, past


def inputs(q, k, *, block, **_):
    generator = torch.Generator().manual_seed(1)
    shape = (k.shape[0], -(-k.shape[1] // block), k.shape[2])
    return {"representative": torch.randn(shape, generator=generator, dtype=torch.float64)}


def pairs(q, k, *, n, block, chunk, sinks, w, representative):
    seen, length = nothing(q), q.shape[1]
    for h in range(q.shape[0]):
        for first in range(0, length, chunk):
            rows = range(first, min(first + chunk, length))
            units = past(blocks(length, block), first)
            units = {j: x for j, x in units.items() if not all(kept(x, i, sinks, w) for i in rows)}
            asked = q[h, rows.start : rows.stop].mean(0)
            scores = {j: dot(asked, representative[h // 2, j]) for j in units}
            for i in rows:
                for j in best(scores, n):
                    seen[h, i, units[j]] = True
                local(seen, h, i, sinks, w)
    return seen
