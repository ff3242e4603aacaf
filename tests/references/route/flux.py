"""Flux: all keys before the query where the router says so."""

import torch

from tests.references.route.choice import local, nothing


def inputs(q, k, *, sinks, w):
    return {"dense": torch.tensor([int(w > 5)])}


def pairs(q, k, *, sinks, w, dense):
    seen = nothing(q)
    for i in range(q.shape[1]):
        local(seen, slice(None), i, sinks, i + 1 if dense[0] else w)
    return seen
