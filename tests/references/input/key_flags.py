"""Attention-Gate: kept keys, and the query's own."""


def keys(q, length, h, heads, *, keep):
    return [j for j in range(min(q + 1, length)) if j == q or keep[h][j]]
