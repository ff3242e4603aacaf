"""LongLoRA, causal: groups of g; for the second half of the heads their borders lie g // 2 later.

Shifting by half a group cuts the sequence at g - g // 2, 2 g - g // 2, ...; nothing wraps around.
"""

from bisect import bisect_right


def keys(q, length, h, heads, *, g):
    shift = g // 2 if h >= heads // 2 else 0
    starts = sorted({0, *range(g - shift, length + g, g)}) if q >= 0 else [q]
    return range(starts[bisect_right(starts, q) - 1], q + 1)
