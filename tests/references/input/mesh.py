"""Neighbours on the mesh, every d-th vertex up to w of them on each side, vertices that see all."""


def keys(q, length, h, heads, *, w, d, globals, nbr):
    if q < globals:
        return range(length)
    near = {q + step * d for step in range(-w, w + 1)}
    return {q, *nbr[q - length + len(nbr)], *near, *range(globals)}
