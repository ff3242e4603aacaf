"""Pairs along one axis of a grid, parted by the atoms that they satisfy.

Dimensions are `q, k`; the extent is the parameter `k_len`. Run-time integers and `b` are parameters
of their names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from attnc.compiler import lattice
from attnc.compiler.relation import relation
from attnc.compiler.sets import IntegerSet, context
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex

MOST_CELLS = 200
SQUARE = ("q_start = 0", "k_start = 0", "q_len = k_len", "1 <= k_len")


@dataclass(frozen=True, slots=True)
class Cell:
    """Points, at least one, and the numbers of those sets that all of them are in."""

    members: tuple[int, ...]
    points: IntegerSet


def overlaps(sets: Sequence[IntegerSet]) -> list[Cell]:
    """The union of the sets, parted by which of them hold a point."""
    found: list[Cell] = []
    for number, rest in enumerate(sets):
        parted = []
        for cell in found:
            both = (cell.points & rest).coalesce()
            if both.is_empty():
                parted.append(cell)
                continue
            rest = (rest - both).coalesce()
            outside = (cell.points - both).coalesce()
            parted.append(Cell((*cell.members, number), both))
            parted += [] if outside.is_empty() else [Cell(cell.members, outside)]
        found = parted if rest.is_empty() else [*parted, Cell((number,), rest)]
        _check(found)
    return found


def _check(found: Sequence[Cell]) -> None:
    """Refuse an axis with too many kinds."""
    if len(found) > MOST_CELLS:
        raise AnalysisTooComplex(f"an axis falls into more than {MOST_CELLS} kinds of pairs")


def cells(atoms: Sequence[ast.Expr], extent: int | None = None) -> list[Cell]:
    """The pairs of an axis, parted by the atoms that hold, whose numbers are the members.

    They are for every extent, or for the one given, which is no parameter then.
    """
    found = [Cell((), _pairs(ast.Bool(True), extent))]
    for number, atom in enumerate(atoms):
        holds = _pairs(atom, extent)
        inside = [Cell((*c.members, number), (c.points & holds).coalesce()) for c in found]
        outside = [Cell(c.members, (c.points - holds).coalesce()) for c in found]
        found = [cell for cell in (*inside, *outside) if not cell.points.is_empty()]
        _check(found)
    return found


def _pairs(condition: ast.Expr, extent: int | None) -> IntegerSet:
    """The pairs of an axis that satisfy a condition: the square of its extent."""
    found = relation(condition).upper
    if extent is not None:
        return found.fix(q_start=0, k_start=0, q_len=extent, k_len=extent)
    square = found & context(found.params, SQUARE)
    return square.project_params("q_start", "k_start", "q_len")


def images(parts: Sequence[Cell], mapping: str, *names: str) -> list[Cell]:
    """What a map makes of the points, parted by the places in `parts` that lead there."""
    return overlaps([part.points.apply(mapping, *names) for part in parts])


def tiles(parts: Sequence[Cell], owned: int, visited: int) -> list[Cell]:
    """The pairs of tiles `[t, c]` of so many queries and keys, parted by the pairs they hold."""
    return images(parts, _to_tiles(owned, visited), "t", "c")


def mixed(parts: Sequence[Cell], owned: int, visited: int) -> bool:
    """Whether some tile holds pairs of several cells."""
    mapping = _to_tiles(owned, visited)
    found = [part.points.apply(mapping, "t", "c") for part in parts]
    return any(not (a & b).is_empty() for a, b in combinations(found, 2))


def _to_tiles(owned: int, visited: int) -> str:
    """The map from pairs to tiles."""
    return (
        f"{{ [q, k] -> [t, c] : {owned} t <= q < {owned} t + {owned} and "
        f"{visited} c <= k < {visited} c + {visited} }}"
    )


def count(points: IntegerSet) -> int:
    """How many points; no parameters may be left."""
    return lattice.count(points.pieces())
