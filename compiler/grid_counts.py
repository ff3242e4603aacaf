"""Exact numbers of a pattern on a grid: pairs, tiles of each class, pairs visited.

Everything is counted along one axis at a time. Pairs along an axis fall into cells by the atoms
that hold; a choice of one cell along each axis is in the pattern or not as a whole.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from attnc.compiler import fold
from attnc.compiler.atoms import Booleans, Truth, formula
from attnc.compiler.counts import Census
from attnc.compiler.partition import Cell, cells, count, tiles
from attnc.compiler.relation import OPERATIONS
from attnc.compiler.residues import rows_from
from attnc.compiler.sets import guard
from attnc.dsl import syntax as ast

Box = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GridPattern:
    """A condition on coordinates, and what is known of the call.

    `steps` are those of the residue classes along each axis, within which the condition counts.
    `values` are run-time numbers and `b`; `heads` is 0 where the mask does not depend on the head.
    """

    condition: ast.Expr
    labels: tuple[str, ...]
    extents: Box
    steps: Box
    heads: int = 0
    values: Mapping[str, int] = field(default_factory=dict)
    floats: frozenset[str] = frozenset()

    def grids(self) -> "Grids":
        """The grids that a kernel sees, each with how many there are of it.

        One for each head and residue class; those that are alike come once.
        """
        alike: Counter[tuple[ast.Expr, Box]] = Counter()
        for head in range(self.heads) if self.heads else (None,):
            for extents, number in self._classes().items():
                alike[self._closed(extents, head), extents] += number
        return [
            (number, SizedPattern(condition, self.labels, extents, self.floats))
            for (condition, extents), number in alike.items()
        ]

    def sized(self, extents: Box, head: int | None) -> "SizedPattern":
        """The pattern of a head in a residue class of these extents."""
        condition = self._closed(extents, head)
        return SizedPattern(condition, self.labels, extents, self.floats)

    def _classes(self) -> Counter[Box]:
        """The extents of the classes."""
        lengths = [
            [rows_from(first, extent, step) for first in range(step)]
            for extent, step in zip(self.extents, self.steps, strict=True)
        ]
        counted = [Counter(n for n in one if n) for one in lengths]
        choices = itertools.product(*(one.items() for one in counted))
        return Counter({tuple(n for n, _ in one): prod(m for _, m in one) for one in choices})

    def _closed(self, extents: Box, head: int | None) -> ast.Expr:
        """The condition with every number that is known."""
        tokens = prod(extents)
        known = {"len": tokens, "qlen": tokens, **self.values}
        known |= {f"len.{label}": n for label, n in zip(self.labels, extents, strict=True)}
        known |= {"h": head} if head is not None else {}
        return fold.substitute(self.condition, {name: ast.Int(n) for name, n in known.items()})


@dataclass(eq=False)
class SizedPattern:
    """A pattern at given extents, with no numbers left open. Raises `AnalysisTooComplex`.

    Axes of one extent and with the same atoms are alike, and parted once.
    """

    condition: ast.Expr
    labels: tuple[str, ...]
    extents: Box
    floats: frozenset[str] = frozenset()
    _tiles: dict[tuple[int, int, int], list[tuple[Cell, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = formula(self.condition, self.labels, self.floats)
        axes = list(zip(found.atoms(), self.extents, strict=True))
        self._first = [axes.index(axis) for axis in axes]
        with guard(OPERATIONS):
            own_cells = {axis: cells(*axis) for axis in dict.fromkeys(axes)}
            own_sizes = {
                axis: np.array([count(c.points) for c in one], object)
                for axis, one in own_cells.items()
            }
        self.cells = [own_cells[axis] for axis in axes]
        self.sizes = [own_sizes[axis] for axis in axes]
        self.truth: Truth = found.truth([[c.members for c in one] for one in self.cells])

    @property
    def at_most(self) -> int:
        """The pairs that may be in the pattern."""
        return self._total(self.truth.possible)

    @property
    def useful(self) -> int:
        """The pairs that certainly are."""
        return self._total(self.truth.certain)

    def census(self, owned: Box, visited: Box) -> Census:
        """The numbers with boxes of so many points as tiles of queries and of keys."""
        live = full = 0
        for chosen in itertools.product(*self._along(owned, visited)):
            number = prod(n for _, n in chosen)
            inside = np.ix_(*(cell.members for cell, _ in chosen))
            live += number * bool(self.truth.possible[inside].any())
            full += number * bool(self.truth.certain[inside].all())
        points = prod(self.extents)
        boxes = (
            prod(-(-n // m) for n, m in zip(self.extents, b, strict=True)) for b in (owned, visited)
        )
        return Census(
            pairs=points * points,
            useful=self.at_most,
            visited=live * prod(owned) * prod(visited),
            empty=prod(boxes) - live,
            partial=live - full,
            full=full,
        )

    def _along(self, owned: Box, visited: Box) -> Iterator[list[tuple[Cell, int]]]:
        """For each axis the kinds of pairs of tiles along it, with how many there are."""
        for place, (rows, keys) in enumerate(zip(owned, visited, strict=True)):
            key = (self._first[place], rows, keys)
            if key not in self._tiles:
                with guard(OPERATIONS):
                    kinds = tiles(self.cells[place], rows, keys)
                    self._tiles[key] = [(kind, count(kind.points)) for kind in kinds]
            yield self._tiles[key]

    def _total(self, chosen: Booleans) -> int:
        """The pairs of some choices of cells."""
        return sum(
            prod(sizes[i] for sizes, i in zip(self.sizes, choice, strict=True))
            for choice in np.argwhere(chosen)
        )


Grids = Sequence[tuple[int, SizedPattern]]


def total(grids: Grids, owned: Box, visited: Box) -> Census:
    """The numbers of all grids together; `pairs` are those within each."""
    found = Census(0, 0, 0, 0, 0, 0)
    for number, one in grids:
        found = found + one.census(owned, visited).times(number)
    return found
