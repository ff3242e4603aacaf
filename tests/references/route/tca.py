"""TCA: the tokens of least redundancy, as many as the budget of the head."""

import torch

from tests.references.route.choice import best, local, nothing


def inputs(q, k, **_):
    return {"redundancy": torch.randn(q.shape[:2], generator=torch.Generator().manual_seed(9))}


def pairs(q, k, *, budgets, sinks, w, redundancy):
    seen = nothing(q)
    for h, budget in enumerate(budgets):
        core = best({j: -float(x) for j, x in enumerate(redundancy[h])}, budget)
        for i in range(q.shape[1]):
            seen[h, i, [j for j in core if j <= i]] = True
            local(seen, h, i, sinks, w)
    return seen
