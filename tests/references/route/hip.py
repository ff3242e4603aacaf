"""HiP: three levels of blocks, each inside of the one before."""

from tests.references.route.choice import best, dot, local, nothing


def pairs(q, k, *, n, block, sinks, w):
    seen, length = nothing(q), q.shape[1]
    for h in range(q.shape[0]):
        for first in range(0, length, block):
            asked = q[h, first : first + block].mean(0)
            allowed = set(range(length))
            for size in (4 * block, 2 * block, block):
                units = {j: set(range(j, min(j + size, length))) for j in range(0, length, size)}
                units = {j: x for j, x in units.items() if max(x) <= first and x <= allowed}
                taken = best({j: dot(asked, k[h, j]) for j in units}, n)
                allowed = set().union(*(units[j] for j in taken))
            for i in range(first, min(first + block, length)):
                seen[h, i, sorted(allowed)] = True
                local(seen, h, i, sinks, w)
    return seen
