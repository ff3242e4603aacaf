"""DARE: keys by embeddings of their own."""

import torch

from tests.references.route.choice import best, dot, nothing


def inputs(q, k, **_):
    generator = torch.Generator().manual_seed(11)
    shapes = {"find_q": (2 * k.shape[0], k.shape[1], 4), "find_k": (*k.shape[:2], 4)}
    return {x: torch.randn(s, generator=generator).double() for x, s in shapes.items()}


def pairs(q, k, *, n, find_q, find_k):
    seen = nothing(q)
    for h in range(q.shape[0]):
        for i in range(q.shape[1]):
            scores = {j: dot(find_q[h, i], find_k[h // 2, j]) for j in range(q.shape[1])}
            seen[h, i, best(scores, n)] = True
    return seen
