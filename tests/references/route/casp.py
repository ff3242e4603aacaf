"""CasP: the regions of the other image whose mean key is nearest."""

import torch

from tests.references.route.choice import best, dot, nothing


def inputs(q, k, **_):
    return {
        "region": torch.randint(0, 9, (k.shape[1],), generator=torch.Generator().manual_seed(11))
    }


def pairs(q, k, *, n, region):
    seen = nothing(q)
    keys = {u: (region == u).nonzero().flatten() for u in region.unique().tolist()}
    for h, i in ((h, i) for h in range(len(q)) for i in range(q.shape[1])):
        for u in best({u: dot(q[h, i], k[h, x].mean(0)) for u, x in keys.items()}, n):
            seen[h, i, keys[u]] = True
    return seen
