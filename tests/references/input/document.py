"""Packed documents: earlier tokens of the same document."""


def keys(q, length, h, heads, *, doc):
    return [j for j in range(q + 1) if doc[j] == doc[q]]
