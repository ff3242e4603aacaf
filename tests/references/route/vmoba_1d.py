"""VMoBA on blocks of frames of 2 by 3 points."""

from tests.references.route.choice import dot, heaviest, nothing, shares

GRID = (7, 2, 3)


def chosen(q, k, p, units):
    """As many units as hold a share p of the softmax, for each query."""
    seen = nothing(q)
    for h in range(q.shape[0]):
        for i in range(q.shape[1]):
            asked = q[h, i] * q.shape[2] ** -0.5
            mass = shares({j: dot(asked, k[h, x].mean(0)) for j, x in enumerate(units)})
            for j in heaviest(mass, p):
                seen[h, i, units[j]] = True
    return seen


def pairs(q, k, *, p, frames):
    length, block = q.shape[1], 6 * frames
    return chosen(
        q, k, p, [list(range(j, min(j + block, length))) for j in range(0, length, block)]
    )
