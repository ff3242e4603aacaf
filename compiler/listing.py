"""The integer points of a bounded set as arrays, without scanning what lies around it."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from attnc.compiler.sets import IntegerSet, Piece
from attnc.dsl.errors import AnalysisTooComplex

Array = NDArray[np.int64]
Row = tuple[int, ...]
Columns = dict[int, Array]  # by place in a row: 0 for the constant, then dimensions, then floors


def list_points(found: IntegerSet, extents: Sequence[int]) -> Array:
    """The points [n, dims] of a set without parameters whose dimension i is in `0..extents[i]`.

    For each value of the other dimensions, the last one's ends are computed in closed form; only
    the conditions with a floor of the last one are tested point by point.
    """
    parts = [_list_piece(piece, extents) for piece in found.pieces()]
    return np.concatenate(parts) if parts else np.empty((0, len(extents)), np.int64)


def _list_piece(piece: Piece, extents: Sequence[int]) -> Array:
    last = len(extents)
    axes = np.meshgrid(*(np.arange(n) for n in extents[:-1]), indexing="ij")
    outer = [axis.ravel() for axis in axes]
    columns: Columns = dict(enumerate([np.ones_like(outer[0]), *outer]))
    _add_floors(columns, piece, last)
    rows = {*piece.inequalities, *piece.equalities, *map(_negated, piece.equalities)}
    bounds = {row for row in rows if _places(row) <= columns.keys() | {last}}
    low, high = _ends(bounds, columns, last, extents[-1])

    counts = np.maximum(high - low + 1, 0)
    columns = {place: np.repeat(column, counts) for place, column in columns.items()}
    before = np.cumsum(counts) - counts
    columns[last] = np.arange(counts.sum()) - np.repeat(before - low, counts)
    points = np.stack([columns[place] for place in range(1, last + 1)], axis=1)
    if rows == bounds:
        return points
    _add_floors(columns, piece, last)
    return points[reduce(np.logical_and, (_value(row, columns) >= 0 for row in rows - bounds))]


def _negated(row: Row) -> Row:
    return tuple(-v for v in row)


def _places(row: Row) -> set[int]:
    return {place for place, v in enumerate(row) if v}


def _value(row: Row, columns: Columns) -> Array:
    """The affine form at every point."""
    terms = (row[place] * columns[place] for place in _places(row))
    return reduce(np.add, terms, np.zeros_like(columns[0]))


def _add_floors(columns: Columns, piece: Piece, last: int) -> None:
    """The floor divisions of what is known."""
    for place, division in enumerate(piece.divisions, last + 1):
        if division is None:
            raise AnalysisTooComplex("it has an existential that is no floor division")
        divisor, numerator = division
        if _places(numerator) <= columns.keys():
            columns[place] = _value(numerator, columns) // divisor


def _ends(rows: set[Row], columns: Columns, last: int, extent: int) -> tuple[Array, Array]:
    """The first and the last value of the last dimension that satisfy the rows."""
    low = np.zeros_like(columns[0])
    high = np.full_like(low, extent - 1)
    for row in rows:
        factor, rest = row[last], (*row[:last], 0, *row[last + 1 :])
        value = _value(rest, columns)
        if factor > 0:
            low = np.maximum(low, -(value // factor))
        elif factor < 0:
            high = np.minimum(high, value // -factor)
        else:
            high = np.where(value < 0, -1, high)
    return low, high
