"""BigBird: a window of blocks, global blocks, and r random ones that are neither.

The others, in order, are cut into r equal parts; each gives the block that is drawn from it.
"""

from tests.references.draws import draw


def keys(q, length, h, heads, *, block, w, g, r, seed):
    own, blocks = q // block, -(-length // block)
    if own < g:
        return range(length)
    near = range(max(own - w, 0), own + w + 1)
    candidates = max((length - 1) // block - g - 2 * w, 0)
    free = [*range(g, own - w), *range(max(own + w + 1, g + 2 * w + 1), blocks)]
    drawn = []
    for i in range(r):
        start, stop = i * candidates // r, (i + 1) * candidates // r
        drawn.append(start + draw(stop - start, seed, h, own, i))
    chosen = {*range(g), *near, *(free[c] for c in drawn if c < len(free))}
    return [k for k in range(length) if k // block in chosen]
