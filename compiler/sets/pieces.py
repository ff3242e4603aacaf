"""Convex pieces of sets as rows of plain integers."""

from dataclasses import dataclass
from typing import Any

import islpy as isl

_DIM = isl.dim_type


@dataclass(frozen=True, slots=True)
class Piece:
    """One convex piece: rows `constant, dims.., divs..` that are = 0 and >= 0.

    The divs are integers: `divisions[i]` is the denominator and the row that div i is the floor
    of, or None where any integer will do.
    """

    equalities: tuple[tuple[int, ...], ...]
    inequalities: tuple[tuple[int, ...], ...]
    divisions: tuple[tuple[int, tuple[int, ...]] | None, ...]


def piece(basic: Any) -> Piece:
    """The rows of an isl basic set."""
    order = (_DIM.cst, _DIM.set, _DIM.div, _DIM.param)
    return Piece(
        _rows(basic.equalities_matrix(*order)),
        _rows(basic.inequalities_matrix(*order)),
        tuple(_division(basic, i) for i in range(basic.dim(_DIM.div))),
    )


def _rows(matrix: Any) -> tuple[tuple[int, ...], ...]:
    columns = range(matrix.cols())
    return tuple(
        tuple(int(matrix.get_element_val(row, c).to_python()) for c in columns)
        for row in range(matrix.rows())
    )


def _division(basic: Any, index: int) -> tuple[int, tuple[int, ...]] | None:
    div = basic.get_div(index)
    denominator = div.get_denominator_val()
    if not denominator.is_int() or denominator.to_python() <= 0:
        return None

    def numerator(kind: Any, i: int) -> int:
        return int((div.get_coefficient_val(kind, i) * denominator).to_python())

    constant = int((div.get_constant_val() * denominator).to_python())
    dims = [numerator(_DIM.in_, i) for i in range(basic.dim(_DIM.set))]
    divs = [numerator(_DIM.div, i) for i in range(basic.dim(_DIM.div))]
    return int(denominator.to_python()), (constant, *dims, *divs)
