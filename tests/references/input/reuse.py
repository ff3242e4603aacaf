"""Chosen keys of each KV head, the first keys and the latest ones."""


def keys(q, length, h, heads, *, sinks, w, picked):
    chosen = picked[h]
    window = range(q - w + 1, q + 1)
    return [j for j in {*chosen, *range(sinks), *window} if 0 <= j <= q]
