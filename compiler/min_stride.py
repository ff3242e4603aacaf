"""The least stride at which a strided neighbourhood needs no mask: every tile visited is full.

Along an axis tiles need a mask if they meet pairs of which some are in the pattern and others are
not, whatever the other axes say. A pattern that has no such tiles along any axis is made of full
tiles alone: "perfectly block-sparse" (Hassani et al. 2025, Generalized Neighborhood Attention).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any

from attnc.compiler.atoms import formula
from attnc.compiler.grid_counts import Box
from attnc.compiler.inline import mask_condition
from attnc.compiler.partition import Cell, cells, mixed
from attnc.compiler.relation import OPERATIONS
from attnc.compiler.sets import context, guard
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex
from attnc.dsl.program import Program

LARGEST = 4096  # stride that is tried


@dataclass(frozen=True, slots=True)
class MinStride:
    """The least value of a parameter with which no tile along `axis` needs a mask.

    None where none up to `tried` does. `always` says that this holds for every extent that tiles of
    queries and of keys divide, not only for the one asked about.
    """

    parameter: str
    axis: str
    tile: tuple[int, int]
    extent: int
    stride: int | None
    tried: int
    always: bool


@dataclass(frozen=True, slots=True)
class Strides:
    """A spec with its other parameters, the extents, and the boxes of queries and of keys."""

    program: Program
    values: Mapping[str, Any]
    extents: Box
    queries: Box
    keys: Box
    heads: int | None = None

    def least(self, parameter: str) -> list[MinStride]:
        """The least stride along each axis that the parameter has a say in."""
        first, second = (self.atoms(parameter, stride) for stride in (1, 2))
        axes = [axis for axis, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]
        return [self._least(parameter, axis) for axis in axes]

    def atoms(self, parameter: str, stride: int) -> list[tuple[ast.Expr, ...]]:
        """The atoms of each axis at a stride."""
        bound = self.program.bind(**{**self.values, parameter: stride})
        condition = mask_condition(bound, self.heads, self.heads)
        return formula(condition, [label for label, _ in bound.grid]).atoms()

    def _least(self, parameter: str, axis: int) -> MinStride:
        extent, tile = self.extents[axis], (self.queries[axis], self.keys[axis])
        tried = min(extent, LARGEST)
        label = self.program.grid.axes[axis].name if self.program.grid else ""
        for stride in range(1, tried + 1):
            atoms = self.atoms(parameter, stride)[axis]
            with guard(OPERATIONS):
                if not mixed(cells(atoms, extent), *tile):
                    always = _always(atoms, tile)
                    return MinStride(parameter, label, tile, extent, stride, tried, always)
        return MinStride(parameter, label, tile, extent, None, tried, False)


def _always(atoms: Sequence[ast.Expr], tile: tuple[int, int]) -> bool:
    """Whether no tile is mixed at any extent that both sides of a tile divide."""
    try:
        with guard(OPERATIONS):
            parts = [
                Cell(one.members, one.points & context(one.points.params, (_divides(lcm(*tile)),)))
                for one in cells(atoms)
            ]
            return not mixed(parts, *tile)
    except AnalysisTooComplex:
        return False


def _divides(size: int) -> str:
    return f"k_len mod {size} = 0"
