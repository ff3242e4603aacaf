"""StreamingLLM: the first tokens and a rolling window, never a later key."""


def keys(q, length, h, heads, *, sinks, w):
    window = [q - back for back in range(w)]
    return [j for j in {*range(sinks), *window} if j <= q]
