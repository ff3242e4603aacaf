"""Landmark attention: the last token of a block stands for it."""

from tests.references.route.choice import best, dot, nothing


def pairs(q, k, *, n, block):
    seen = nothing(q)
    for h in range(q.shape[0]):
        for i in range(q.shape[1]):
            own = i // block
            scores = {j: dot(q[h, i], k[h, (j + 1) * block - 1]) for j in range(own)}
            for j in [*best(scores, n), own]:
                seen[h, i, j * block : min((j + 1) * block, i + 1)] = True
    return seen
