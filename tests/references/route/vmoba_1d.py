"""VMoBA on blocks of frames."""

from tests.references.route.choice import dot, heaviest, nothing, shares


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


def pairs(q, k, *, p, block):
    length = q.shape[1]
    return chosen(
        q, k, p, [list(range(j, min(j + block, length))) for j in range(0, length, block)]
    )
