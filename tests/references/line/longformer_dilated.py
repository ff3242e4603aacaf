"""Longformer, section 3.1: windows with gaps, whose size depends on the head; global tokens."""


def keys(q, length, h, heads, *, w, g, dilations):
    if q < g:
        return range(length)
    gap = dilations[h]
    return {*range(g), *(q + gap * i for i in range(-w, w + 1))}
