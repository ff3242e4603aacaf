"""MInference: A-shape, vertical-slash and block heads."""

from tests.references.route import choice
from tests.references.route.choice import best, local, nothing


def pairs(q, k, *, kinds, n, block, lines, last, sinks, w):
    seen, length = nothing(q), q.shape[1]
    for h, kind in enumerate(kinds):
        if kind == 1:
            add_lines(seen, q, k, h, lines, last)
        for i in range(length):
            if kind == 0:
                local(seen, h, i, sinks, w)
            if kind == 2:
                own = i // block
                rows = q[h, own * block : (own + 1) * block].mean(0)
                scores = {
                    j: float(rows @ k[h, j * block : (j + 1) * block].mean(0)) for j in range(own)
                }
                for j in [*best(scores, n), own]:
                    seen[h, i, j * block : min((j + 1) * block, i + 1)] = True
    return seen


def add_lines(seen, q, k, h, count, last):
    columns, slashes = choice.lines(q[h], k[h], last)
    columns, slashes = best(columns, count), best(slashes, count)
    for i in range(q.shape[1]):
        for j in range(i + 1):
            seen[h, i, j] = j in columns or i - j in slashes or i == j
