"""Moonshine: `left` frames before, `right` after."""


def keys(q, length, h, heads, *, left, right):
    return [q + offset for offset in range(-left, right + 1)]
