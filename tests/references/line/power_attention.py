"""PowerAttention: window, sinks, and from each q - 2^i the keys back to a block's width."""


def keys(q, length, h, heads, *, w, sinks, block):
    found = {*range(q - w + 1, q + 1), *range(min(sinks, q + 1))}
    for distance in (2**i for i in range(31)):
        found |= {*range(q - distance - block + 1, q - distance + 1)} if distance <= q else set()
    return found
