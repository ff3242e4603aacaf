"""ShortSWA: the query's own key and the few before it."""


def keys(q, length, h, heads, *, w):
    return [q - back for back in range(w)]
