"""The integer points of an interval and of a polygon, in closed form."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NoReturn

from attnc.dsl.errors import AnalysisTooComplex

Row = tuple[int, ...]  # constant, then one coefficient per variable


def floor_sum(count: int, divisor: int, slope: int, offset: int) -> int:
    """The sum over i in 0..count of `(slope * i + offset) div divisor`, in logarithmic time.

    >>> floor_sum(4, 3, 2, 1)
    4
    """
    total = 0
    while True:
        total += (count - 1) * count // 2 * (slope // divisor) + count * (offset // divisor)
        slope, offset = slope % divisor, offset % divisor
        last = slope * count + offset
        if last < divisor:
            return total
        count, offset = divmod(last, divisor)
        slope, divisor = divisor, slope


def interval(rows: list[Row]) -> tuple[int, int]:
    """The least and greatest integer of a system in one variable."""
    lows = [-(c // a) for c, a in rows if a > 0]
    highs = [c // -a for c, a in rows if a < 0]
    if not lows or not highs:
        _unbounded()
    return max(lows), min(highs)


def polygon(rows: list[Row]) -> int:
    """The number of integer points of a polygon, summing columns `x` between its corners."""
    lower = [(c, a, b) for c, a, b in rows if b > 0]  # y >= -(c + a x) / b
    upper = [(c, a, -b) for c, a, b in rows if b < 0]  # y <= (c + a x) / b
    if not lower or not upper:
        if not _two_sided(rows):
            _unbounded()
        return polygon([(c, b, a) for c, a, b in rows])
    sides = [(c, a) for c, a, b in rows if b == 0]
    for c, a, b in lower:
        sides += [(c * d + e * b, a * d + f * b) for e, f, d in upper]
    if any(a == 0 and c < 0 for c, a in sides):
        return 0
    first, last = interval([side for side in sides if side[1]])
    total, cuts = 0, _corners(lower, first, last) | _corners(upper, first, last) | {last}
    for cut in sorted(cuts):
        if cut >= first:
            total += _strip(lower, upper, first, cut)
            first = cut + 1
    return total


def _two_sided(rows: list[Row]) -> bool:
    return any(row[1] > 0 for row in rows) and any(row[1] < 0 for row in rows)


def _unbounded() -> NoReturn:
    raise AnalysisTooComplex("it has infinitely many points")


def _corners(lines: Sequence[Row], first: int, last: int) -> set[int]:
    """The last integers before two of the lines cross."""
    found = set()
    for i, (c, a, b) in enumerate(lines):
        for e, f, d in lines[i + 1 :]:
            slope = a * d - f * b
            if slope:
                cut = (e * b - c * d) // slope
                if first <= cut < last:
                    found.add(cut)
    return found


def _strip(lower: Sequence[Row], upper: Sequence[Row], first: int, last: int) -> int:
    """The points in the columns `first..=last`, within which the same two lines bind."""
    middle, count = Fraction(first + last, 2), last - first + 1
    if count <= 0:
        return 0
    low = min(lower, key=lambda line: (line[0] + line[1] * middle) / line[2])
    high = min(upper, key=lambda line: (line[0] + line[1] * middle) / line[2])
    return count + sum(
        floor_sum(count, divisor, slope, constant + slope * first)
        for constant, slope, divisor in (low, high)
    )
