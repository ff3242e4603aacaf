"""A dense mask from a paper's definition: which key positions a query at a position attends to."""

from collections.abc import Callable, Iterable
from inspect import signature

import numpy as np
from numpy.typing import NDArray

Keys = Callable[..., Iterable[int]]
Mask = NDArray[np.bool_]


def dense(
    keys: Keys, q_len: int, kv_len: int, heads: int = 1, *, cross: bool = False, **given: object
) -> Mask:
    """bool [heads, q_len, kv_len] from `keys(q, length, h, heads, **parameters)`.

    `length` is the number of keys; the queries are the last positions (under `cross` the first).
    Keys that do not exist are dropped, as are arguments that `keys` does not take.
    """
    pairs = np.zeros((heads, q_len, kv_len), dtype=bool)
    start = 0 if cross else kv_len - q_len
    parameters = {n: x for n, x in given.items() if n in signature(keys).parameters}
    for h in range(heads):
        for i in range(q_len):
            for j in keys(start + i, kv_len, h, heads, **parameters):
                if 0 <= j < kv_len:
                    pairs[h, i, j] = True
    return pairs
