"""Candidates as a mask of numbered choosers and units, against all pairs of positions."""

from itertools import product

import pytest

from attnc.compiler.choosers import K_LAST, Q_FIRST, Q_LAST, Numbered
from attnc.compiler.decided import Box
from attnc.compiler.evaluate import evaluate
from attnc.dsl.parser import parse_expression

DECIDED = [
    "k <= q",
    "0 <= q - k and q - k < 7",
    "q div 4 == k div 4",
    "k < 4 or -9 <= k - q and k - q <= 0",
    "not (k < 8 and q >= 3)",
    "k < 8 or q div 4 == k div 4",
    "-1 <= k div 4 - q div 4 and k div 4 - q div 4 <= 0 or k >= len - 1 - 4",
    "min(k, 9) <= max(q, 5)",
]
OPEN = [
    "(q + k) mod 5 != 0",
    "k <= q or k >= q + 3",
    "q - k == 2 or k < 3",
    "q <= k + k",
]
QUERIES, KEYS = range(3, 22), range(23)  # positions of a call: units and choosers at ends are cut


def brute(condition: str, q: range, k: range, some: bool) -> bool:
    test = parse_expression(condition)
    values = (evaluate(test, {"q": i, "k": j, "len": KEYS.stop, "h": 0}) for i, j in product(q, k))
    return any(values) if some else all(values)


def within(numbers: range, whole: range) -> range:
    return range(max(numbers.start, whole.start), min(numbers.stop, whole.stop))


@pytest.mark.parametrize("some", [False, True])
@pytest.mark.parametrize(("rows", "size", "stride"), [(1, 4, 4), (3, 4, 4), (4, 1, 1), (1, 6, 4)])
@pytest.mark.parametrize("condition", DECIDED)
def test_masks_of_what_ends_decide(
    condition: str, rows: int, size: int, stride: int, some: bool
) -> None:
    numbered = Numbered(rows, size, stride)
    for within_, keep in ((condition, None), ("k <= q", condition)):
        parts = (parse_expression(within_), parse_expression(keep) if keep else None)
        mask = numbered.mask(*parts, some)
        if mask is None:
            continue
        for q, k in product(range(1, 22 // rows), range(-(-KEYS.stop // stride))):
            queries = within(range(q * rows, q * rows + rows), QUERIES)
            keys = within(range(k * stride, k * stride + size), KEYS)
            if not queries:
                continue
            places = {Q_FIRST: QUERIES.start, Q_LAST: QUERIES.stop - 1, K_LAST: KEYS.stop - 1}
            wanted = brute(within_, queries, keys, some)
            wanted = wanted and not (keep and brute(keep, queries, keys, False))
            assert bool(evaluate(mask, {"q": q, "k": k, "h": 0, **places})) == wanted, (q, k)
    assert numbered.mask(parse_expression("k <= q"), None, some) is not None


def test_which_conditions_ends_decide() -> None:
    """All of the first for one query and aligned units; none of the second, but for one pair."""
    aligned, pairs = Box(True, 4), Box(True, 1)
    assert all(aligned.decides(parse_expression(x), False) for x in DECIDED)
    assert not any(Box(False, 0).decides(parse_expression(x), False) for x in OPEN)
    assert all(pairs.decides(parse_expression(x), False) for x in OPEN[1:])
    assert not pairs.decides(parse_expression(OPEN[0]), False)
