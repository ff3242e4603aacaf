"""HCAM: the chunks of the two nearest summaries, one softmax for each."""

import torch

from tests.references.route.choice import best, dot


def inputs(q, k, v, chunk):
    generator = torch.Generator().manual_seed(16)
    count = -(-k.shape[1] // chunk)
    return {
        "summaries": torch.randn(len(k), count, k.shape[2], generator=generator),
        "relevance": torch.rand(q.shape[1], len(q), 2, generator=generator).double(),
    }


def heads(q, k, v, summaries, relevance, chunk):
    rows = []
    for h, i in ((h, i) for h in range(len(q)) for i in range(q.shape[1])):
        g = h * len(k) // len(q)
        scores = {j: dot(q[h, i].detach(), x.double()) for j, x in enumerate(summaries[g])}
        row = 0.0
        for place, j in enumerate(best(scores, 2)):
            keys, values = (x[g, j * chunk : (j + 1) * chunk] for x in (k, v))
            p = torch.softmax(keys @ q[h, i] * q.shape[2] ** -0.5, 0)
            row = row + relevance[i, h, place] * (p @ values)
        rows.append(row)
    return torch.stack(rows).view(len(q), q.shape[1], -1)
