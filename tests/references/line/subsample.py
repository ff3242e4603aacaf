"""The query itself, and each earlier key with probability p."""

from tests.references.draws import draw


def keys(q, length, h, heads, *, p, seed):
    return [k for k in range(q + 1) if k == q or draw(2**30, seed, h, q, k) / 2**30 < p]
