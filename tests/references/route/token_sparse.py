"""Token sparse attention: a window among the tokens that a head gathered, then scattered."""

import torch

from tests.references.route.choice import nothing


def inputs(q, k, **_):
    kept = torch.rand(q.shape[:2], generator=torch.Generator().manual_seed(10)) < 0.5
    return {"rank": torch.where(kept, kept.cumsum(1) - 1, -1)}


def pairs(q, k, *, w, rank):
    seen = nothing(q)
    for h in range(len(q)):
        kept = (rank[h] >= 0).nonzero().flatten()
        near = torch.ones(len(kept), len(kept)).tril().triu(1 - w).bool()
        seen[h, kept[:, None], kept] = near
    return seen
