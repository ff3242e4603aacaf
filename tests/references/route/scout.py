"""SCOUT: the last token of each segment before the query, and the query."""

from tests.references.route.choice import nothing


def pairs(q, k, *, size):
    seen = nothing(q)
    for i in range(q.shape[1]):
        seen[:, i, [*range(size - 1, i + 1, size), i]] = True
    return seen
