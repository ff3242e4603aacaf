"""The query's own key and those of its list; rows of `nbr` are the last queries."""


def keys(q, length, h, heads, *, nbr):
    return {q, *nbr[q - length + len(nbr)]}
