"""Reachability at one length: sums of distances as bits, and the graph as a matrix."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from attnc.compiler.sets import IntegerSet, Piece
from attnc.dsl.errors import AnalysisTooComplex

Matrix = npt.NDArray[np.bool_]

POINTS = 1 << 21  # that are listed one by one


def bits(points: IntegerSet) -> int:
    """A set of numbers >= 0 as an int with these bits; runs are taken whole."""
    found, listed = 0, 0
    for part in points.parts():
        low, high = part.least(points.dims[0]), part.greatest(points.dims[0])
        assert low is not None and high is not None
        if part.count() == high - low + 1:
            found |= ((1 << (high - low + 1)) - 1) << low
            continue
        listed += high - low + 1
        if listed > POINTS:
            raise AnalysisTooComplex("it has too many distances")
        (piece,) = part.pieces()
        inside = _inside(piece, [np.arange(low, high + 1)])
        packed = np.packbits(inside, bitorder="little").tobytes()
        found |= int.from_bytes(packed, "little") << low
    return found


def sums(reached: int, allowed: int, count: int, n: int) -> int:
    """The distances below n that are sums of a reached one and `count` allowed ones.

    0 is allowed always, so that what is reached stays so.
    """
    everything, starts = (1 << n) - 1, _runs(allowed | 1)
    for _ in range(count):
        wider = 0
        for low, length in starts:
            wider |= (_smeared(reached, length) << low) & everything
        if wider == reached:
            break
        reached = wider
    return reached


def _smeared(value: int, length: int) -> int:
    """`value | value << 1 | ... | value << (length - 1)`, by doubling."""
    done = 1
    while done < length:
        step = min(done, length - done)
        value |= value << step
        done += step
    return value


def _runs(value: int) -> list[tuple[int, int]]:
    """The runs of ones: where each starts, and how long it is."""
    found, start = [], 0
    while value:
        skip = (value & -value).bit_length() - 1
        value >>= skip
        length = (~value & (value + 1)).bit_length() - 1
        found.append((start + skip, length))
        value >>= length
        start += skip + length
    return found


def first_missed(
    steps: Sequence[tuple[IntegerSet, int]], n: int, ordered: bool
) -> tuple[int, int] | None:
    """The first pair (q, k) that the steps do not join; only k <= q if `ordered`."""
    reached = np.eye(n, dtype=np.float32)
    for pairs, count in steps:
        step = matrix(pairs, n).astype(np.float32)
        while count:
            if count % 2:
                reached = np.minimum(reached @ step, 1)
            count //= 2
            if count:
                step = np.minimum(step @ step, 1)
    missed = np.argwhere((reached == 0) & (np.tri(n, dtype=bool) if ordered else True))
    return (int(missed[0][0]), int(missed[0][1])) if len(missed) else None


def matrix(pairs: IntegerSet, n: int) -> Matrix:
    """The pairs (q, k) with 0 <= q, k < n, a bool matrix [n, n]."""
    axes = [np.arange(n)[:, None], np.arange(n)[None, :]]
    found = np.zeros((n, n), dtype=bool)
    for piece in pairs.pieces():
        found |= np.broadcast_to(_inside(piece, axes), (n, n))
    return found


def _inside(piece: Piece, axes: list[npt.NDArray[np.int64]]) -> Matrix:
    """Which points, given by their coordinates, are in a convex piece."""
    known, shape = list(axes), np.broadcast_shapes(*(a.shape for a in axes))

    def value(row: tuple[int, ...]) -> npt.NDArray[np.int64]:
        found = np.full(shape, row[0], dtype=np.int64)
        for factor, coordinate in zip(row[1:], known, strict=False):
            if factor:
                found += factor * coordinate
        return found

    for division in piece.divisions:
        if division is None:
            raise AnalysisTooComplex("it has an existential that is no floor division")
        divisor, numerator = division
        known.append(value(numerator) // divisor)
    inside = np.ones(shape, dtype=bool)
    for row in piece.equalities:
        inside &= value(row) == 0
    for row in piece.inequalities:
        inside &= value(row) >= 0
    return inside
