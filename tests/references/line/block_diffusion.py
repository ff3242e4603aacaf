"""Block by block: the last block of the sequence is active and open, the finished ones causal."""


def keys(q, length, h, heads, *, size):
    blocks = [range(first, min(first + size, length)) for first in range(0, length, size)]
    active = blocks[-1] if blocks else range(0)
    return range(active.stop) if q in active else range(q + 1)
