"""Child et al. 2019, 4.2: A1 is the block of i, A2 = {j : j mod l in {l - c, ..., l - 1}}, j <= i.

The two steps of attention are merged: a head attends to the union.
"""


def keys(q, length, h, heads, *, l, c):  # noqa: E741
    block = [j for j in range(q + 1) if j // l == q // l]
    columns = [j for j in range(q + 1) if j % l in range(l - c, l)]
    return block + columns
