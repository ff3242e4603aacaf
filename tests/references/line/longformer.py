"""Longformer: w on each side; global tokens attend to all, and all attend to them."""


def keys(q, length, h, heads, *, w, g):
    return range(length) if q < g else {*range(q - w, q + w + 1), *range(g)}
