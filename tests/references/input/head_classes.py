"""DuoAttention: full attention for retrieval heads, sinks and a window for the others."""


def keys(q, length, h, heads, *, sinks, w, retrieval):
    seen = range(q + 1)
    return seen if retrieval[h] else [j for j in seen if j < sinks or j > q - w]
