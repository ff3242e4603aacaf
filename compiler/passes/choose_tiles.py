"""`choose-tiles`: the tile map with the least work.

Input: a relation. Output: `attn.tiling`. The work of a candidate is the number of pairs it visits
at a reference length, counted exactly, times what a pair costs at that tile size.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr, UnitAttr
from xdsl.ir import Attribute
from xdsl.passes import ModulePass

from attnc.compiler import fold
from attnc.compiler.boxes import Side, boxes, live_pairs
from attnc.compiler.counts import census
from attnc.compiler.dialects import attn
from attnc.compiler.dialects.axes import axis
from attnc.compiler.dialects.tile import number
from attnc.compiler.facts import Factors, attentions, labels, products_of, relation_of
from attnc.compiler.listed import chooser
from attnc.compiler.relation import Relation
from attnc.dsl.errors import AnalysisTooComplex
from attnc.dsl.syntax import Expr, Member

USUAL = (4096, 64, 24)  # extents of grids with one axis, two, more
REFERENCE = {"q_start": 0, "k_start": 0, "q_len": 4096, "k_len": 4096}


@dataclass(frozen=True)
class ChooseTiles(ModulePass):
    """`rows` are the heights of an owned tile to choose from, `costs` what a pair costs, in %.

    `keys` is the height of a visited tile, `owner` the side that is owned; `packed` heads lie in
    the rows, and the keys may be `split`, as in `attn.tiling`. On a grid visited tiles are runs
    along the last axis or, with `boxes`, boxes much like the owned one. What is not `counted` is
    the first candidate.
    """

    name: ClassVar[str] = "choose-tiles"
    rows: tuple[int, ...] = (48,)
    costs: tuple[int, ...] = (100,)
    keys: int = 8
    owner: str = "q"
    packed: int = 1
    split: bool = False
    boxes: bool = False
    counted: bool = True

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Record the cheapest candidate."""
        for attention in attentions(op):
            rows = self.box(attention) if labels(attention) else self.height(attention)
            q, k = self.tile(rows)
            properties: dict[str, Attribute] = {
                "q": number(q),
                "k": number(k),
                "owner": StringAttr(self.owner),
                "packed": number(self.packed),
            }
            if self.split:
                properties["split"] = UnitAttr()
            attention.body.block.add_op(attn.TilingOp.build(properties=properties))

    def height(self, attention: attn.AttentionOp) -> int:
        """The rows of a tile of a sequence."""
        relation = relation_of(attention)
        sizes = choosers(attention, relation.condition)
        even = [rows for rows in self.rows if all(size % rows == 0 for size in sizes)]
        candidates = [
            (rows, cost)
            for rows, cost in zip(self.rows, self.costs, strict=True)
            if rows in even or not even
        ]
        if not self.counted:
            return candidates[0][0]
        return min(candidates, key=lambda candidate: self.work(relation, *candidate))[0]

    def box(self, attention: attn.AttentionOp) -> int:
        """The points of a tile of a grid, the best box of which is recorded with the axes."""
        grid = GridChoice(attention, self.owner, self.keys, self.boxes)
        candidates = [
            (box, cost)
            for rows, cost in zip(self.rows, self.costs, strict=True)
            for box in boxes(rows, len(grid.names))
        ]
        best, _ = candidates[0]
        if self.counted:
            best, _ = min(
                candidates, key=lambda one: (grid.visited(one[0]) * one[1], -prod(one[0]), one[0])
            )
        attention.properties["axes"] = ArrayAttr(
            [
                axis(one.label.data, one.extent.data, side, int(one.step.value.data), other)
                for one, side, other in zip(attention.axes, best, grid.other(best), strict=True)
            ]
        )
        return prod(best)

    def tile(self, rows: int) -> tuple[int, int]:
        """Queries and keys of a tile that owns this many rows."""
        return (rows, self.keys) if self.owner == "q" else (self.keys, rows)

    def work(self, relation: Relation, rows: int, cost: int) -> int:
        """Visited pairs times cost; where lengths alone do not fix the set, the cost only."""
        if len(self.rows) == 1 or relation.runtime or relation.uses_batch:
            return cost
        return census(relation, *self.tile(rows), **REFERENCE).visited * cost


def choosers(attention: attn.AttentionOp, condition: Expr) -> list[int]:
    """How many queries share a list of each set: tiles that divide them are in a set as a whole."""
    axes = {i.label.data: i.axis_names for i in attention.inputs if i.dtype.data == "set"}
    found = (chooser(n, axes[n.base]) for n in fold.walk(condition) if isinstance(n, Member))
    return [size for size in found if size > 1]


@dataclass
class GridChoice:
    """Counts what boxes visit, at extents that are constant or usual for the number of axes."""

    attention: attn.AttentionOp
    owner: str
    keys: int
    boxes: bool
    known: dict[tuple[Expr, int, int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = labels(self.attention)

    @cached_property
    def products(self) -> list[Factors]:
        """The products of the pattern."""
        return products_of(self.attention)

    def visited(self, box: tuple[int, ...]) -> int:
        """The pairs of all products; tiles that two of them share count twice."""
        sides = list(zip(box, self.other(box), strict=True))
        return sum(
            prod(self.along(number, place, *points) for place, points in enumerate(sides))
            for number in range(len(self.products))
        )

    def other(self, box: tuple[int, ...]) -> tuple[int, ...]:
        """The visited tile beside it: as a box, its longest side halved or shortest doubled."""
        if not self.boxes:
            return (*(1 for _ in box[1:]), self.keys)
        found = list(box)
        while prod(found) > self.keys:
            found[found.index(max(found))] //= 2
        while prod(found) < self.keys:
            found[found.index(min(found))] *= 2
        return tuple(found)

    def along(self, number: int, place: int, points: int, other: int) -> int:
        """The pairs of one product along one axis."""
        relation = self.products[number].factors[place]  # products may share factors
        key = (relation.condition, place, points, other)
        if key not in self.known:
            side = Side(self.names[place], points, other)
            countable = not relation.runtime and not relation.uses_batch
            self.known[key] = (self.extent(place) + points) * self.extent(place)
            if countable:
                with suppress(AnalysisTooComplex):  # isl gives up on a few sides: taken as dense
                    head = {"h": 0} if relation.uses_head else {}
                    extent = self.extent(place)
                    self.known[key] = live_pairs(relation, side, self.owner, extent, **head)
        return self.known[key]

    def extent(self, place: int) -> int:
        """The extent of a class along an axis."""
        one = self.attention.axes.data[place]
        given = one.extent.data
        usual = USUAL[min(len(self.names), len(USUAL)) - 1]
        return max(1, (int(given) if given.isdigit() else usual) // int(one.step.value.data))
