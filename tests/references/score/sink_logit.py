"""gpt-oss: the last w keys, and a learned logit per head in the denominator."""


def keys(q, length, h, heads, *, w):
    return range(q - w + 1, q + 1)


def sinks(*, w, z):
    """The logits of the extra terms, [H]."""
    return z
