"""RTPurbo: tokens by index vectors of few columns."""

import torch

from tests.references.route.choice import dot, heaviest, local, nothing, shares


def inputs(q, k, **_):
    generator = torch.Generator().manual_seed(10)
    shapes = {"index_q": (2 * k.shape[0], k.shape[1], 4), "index_k": (*k.shape[:2], 4)}
    return {x: torch.randn(s, generator=generator).double() for x, s in shapes.items()}


def pairs(q, k, *, p, w, index_q, index_k):
    seen = nothing(q)
    for h in range(q.shape[0]):
        for i in range(q.shape[1]):
            scores = {j: dot(index_q[h, i], index_k[h // 2, j]) for j in range(i + 1)}
            seen[h, i, heaviest(shares(scores), p)] = True
            local(seen, h, i, 0, w)
    return seen
