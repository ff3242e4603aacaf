"""Child et al. 2019, 4.2: A1 = {max(0, i - l), ..., i}, A2 = {j : (i - j) mod l = 0}, j <= i."""


def keys(q, length, h, heads, *, l):  # noqa: E741
    return {*range(max(0, q - l), q + 1), *range(q, -1, -l)}
