"""Keys 0 .. q."""


def keys(q, length, h, heads):
    return range(q + 1)
