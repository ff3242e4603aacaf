"""Squeezed attention: clusters of clusters, each by its share of the softmax."""

import torch

from tests.references.route.choice import dot, local, nothing, shares


def inputs(q, k, **_):
    generator = torch.Generator().manual_seed(7)
    inner = torch.randint(0, 12, (2 * k.shape[0], k.shape[1]), generator=generator)
    return {"inner": inner, "outer": inner // 4}


def clusters(label, i):
    """The keys of each label, of those with a key up to a position."""
    found = {u: (label == u).nonzero().flatten().tolist() for u in label.unique().tolist()}
    return {u: keys for u, keys in found.items() if min(keys) <= i}


def pairs(q, k, *, coarse, fine, w, inner, outer):
    seen, scale = nothing(q), q.shape[2] ** -0.5
    for h in range(q.shape[0]):
        for i in range(q.shape[1]):
            asked = q[h, i] * scale
            far = clusters(outer[h], i)
            mass = shares({u: dot(asked, k[h, x].mean(0)) for u, x in far.items()})
            inside = {u for u, share in mass.items() if share > coarse}
            near = clusters(inner[h], q.shape[1])
            near = {u: x for u, x in near.items() if u // 4 in inside}
            mass = shares({u: dot(asked, k[h, x].mean(0)) for u, x in near.items()})
            for u, share in mass.items():
                if share > fine:
                    seen[h, i, [j for j in near[u] if j <= i]] = True
            local(seen, h, i, 0, w)
    return seen
