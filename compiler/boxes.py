"""Tiles of a grid: boxes of points, and the loops that visit them, axis by axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from attnc.compiler import fold, lattice, loops
from attnc.compiler.grids import Product, whole_condition
from attnc.compiler.intervals import Verdict, bound
from attnc.compiler.relation import OPERATIONS, Relation
from attnc.compiler.sets import Hull, IntegerSet, context, guard, hull, is_whole, membership
from attnc.compiler.tiles import Visits, live_tiles, visits
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex

ALONG = ("q_start = 0", "k_start = 0", "q_len = k_len")  # of an axis


@dataclass(frozen=True, slots=True)
class Side:
    """One axis of a tiling: the points of an owned tile and of a visited one along it.

    `extent` is the axis's, where it is a constant.
    """

    label: str
    owned: int
    visited: int
    step: int = 1
    extent: int | None = None

    @property
    def facts(self) -> tuple[str, ...]:
        """What is known of the lengths along the axis."""
        if self.extent is None or self.step > 1:
            return ALONG
        return (*ALONG, f"k_len = {self.extent}")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A product with what it visits along each axis."""

    product: Product
    relations: tuple[Relation, ...]
    visits: tuple[Visits, ...]


def part(
    product: Product, relations: Sequence[Relation], sides: Sequence[Side], owner: str
) -> Part:
    """What a product visits."""
    found = [along(one, side, owner) for one, side in zip(relations, sides, strict=True)]
    return Part(product, tuple(relations), tuple(found))


def along(relation: Relation, side: Side, owner: str) -> Visits:
    """What is visited along one axis."""
    sizes = (side.owned, side.visited) if owner == "q" else (side.visited, side.owned)
    return visits(relation, *sizes, side.facts, owner)


def live_pairs(relation: Relation, side: Side, owner: str, extent: int, **head: int) -> int:
    """The pairs of points in the tiles that meet along an axis of this extent."""
    sizes = (side.owned, side.visited) if owner == "q" else (side.visited, side.owned)
    with guard(OPERATIONS):
        lengths = {"q_start": 0, "k_start": 0, "q_len": extent, "k_len": extent}
        live = live_tiles(relation, *sizes, side.facts).fix(**lengths, **head)
        return lattice.count(live.pieces()) * side.owned * side.visited


@dataclass(frozen=True, slots=True)
class Planner:
    """The nests of a union of products: each tile is visited once, by the first product."""

    parts: Sequence[Part]
    sides: Sequence[Side]
    owner: str

    @property
    def fixed(self) -> str:
        """The name of the owned tile."""
        return "t" if self.owner == "q" else "c"

    @property
    def other(self) -> str:
        """The name of a visited tile."""
        return "c" if self.owner == "q" else "t"

    def nests(self) -> list["Planned"]:
        """The nests of the products, over live tiles, with what is to be said of each tile."""
        return [self.planned(number, one) for number, one in enumerate(self.parts)]

    def planned(self, number: int, one: Part) -> "Planned":
        """The nest of a product: it leaves tiles of earlier products out."""
        nest, live = self.nest(one)
        earlier = (fold.negation(self.inside(p, "live")) for p in self.parts[:number])
        possible = reduce(fold.conjunction, earlier, live)
        if one.product.rest == ast.Bool(True):
            certain = self.inside(one, "whole")
        else:
            labels = [side.label for side in self.sides]
            verdict = bound(whole_condition([p.product for p in self.parts], labels))
            possible = fold.conjunction(possible, verdict.possible)
            certain = verdict.certain
        heads = one.product.heads
        if heads != ast.Bool(True):
            nest = (loops.Guard(heads, nest),)
        return Planned(nest, Verdict(possible, certain))

    def inside(self, one: Part, kind: str) -> ast.Expr:
        """The condition for a tile to be live, or whole, in a product."""
        found = one.product.heads if kind == "live" else ast.Bool(True)
        for side, relation, visited in zip(self.sides, one.relations, one.visits, strict=True):
            test = self.member(side, relation, getattr(visited, kind))
            found = fold.conjunction(found, test)
        return found

    def member(self, side: Side, relation: Relation, tiles: IntegerSet) -> ast.Expr:
        """The condition for a tile to be among these along one axis."""
        points, known = self.met(side, relation, tiles, self.fixed, self.other)
        with guard(OPERATIONS):
            term = membership(points.gist(known), known)
        return self.named(loops.as_condition(term), side)

    def met(
        self, side: Side, relation: Relation, tiles: IntegerSet, *given: str
    ) -> tuple[IntegerSet, IntegerSet]:
        """The tiles for given ones, and what holds of those: they have points."""
        names = (*relation.outer, *given)
        rows = {self.fixed: side.owned, self.other: side.visited}
        exist = [f"0 <= {name} and {rows[name]} {name} < k_len" for name in given]
        heads = [f"0 <= h < {relation.heads}"] if relation.uses_head else []
        facts = (*side.facts, "1 <= k_len", *exist, *heads)
        return tiles.as_params(*names), context((*relation.params, *names), facts)

    def nest(self, one: Part) -> tuple[loops.Nest, ast.Expr]:
        """One loop along each axis, from the first live tile to the last; it pushes first rows.

        Also the condition for a tile of the nest to be live, where it is not always.
        """
        row: ast.Expr = ast.Int(0)
        for side in self.sides:
            place = fold.binary("*", ast.Name(f"{self.other}_{side.label}"), ast.Int(side.visited))
            step = fold.binary("*", place, ast.Name(f"stride.{side.label}"))
            row = fold.binary("+", row, step)
        nest: loops.Nest = (loops.Visit(row),)
        live: ast.Expr = ast.Bool(True)
        for side, relation, visited in reversed(
            [*zip(self.sides, one.relations, one.visits, strict=True)]
        ):
            points, known = self.met(side, relation, visited.live, self.fixed)
            found = _ends(points, known)
            low, high = (
                self.named(loops.as_expression(e, choices=True), side)
                for e in (found.low, found.high)
            )
            end = fold.binary("+", high, ast.Int(1))
            nest = (loops.Loop(f"{self.other}_{side.label}", low, end, 1, nest),)
            if found.nonempty is not None:
                some = self.named(loops.as_condition(found.nonempty), side)
                nest = (loops.Guard(some, nest),)
            if not is_whole(points, known):
                live = fold.conjunction(self.member(side, relation, visited.live), live)
        return nest, live

    def named(self, expr: ast.Expr, side: Side) -> ast.Expr:
        """An expression along an axis in names that all axes can share."""
        names: dict[str, ast.Expr] = dict.fromkeys(
            ("q_len", "k_len"), ast.Name(f"len.{side.label}")
        )
        names |= dict.fromkeys(("q_start", "k_start"), ast.Int(0))
        names[self.fixed] = ast.Name(f"{self.fixed}.{side.label}")
        names[self.other] = ast.Name(f"{self.other}_{side.label}")
        return fold.substitute(expr, names)


@dataclass(frozen=True, slots=True)
class Planned:
    """A nest and, of each tile, whether it is visited and whether it needs no mask."""

    nest: loops.Nest
    verdict: Verdict


def _ends(points: IntegerSet, known: IntegerSet) -> Hull:
    """The interval of a set, or of the least convex one around it where it has many pieces."""
    try:
        with guard(OPERATIONS):
            return hull(points, known)
    except AnalysisTooComplex:
        with guard(OPERATIONS):
            return hull(points.convex(), known)


def boxes(rows: int, axes: int) -> list[tuple[int, ...]]:
    """The boxes of so many points.

    >>> boxes(4, 2)
    [(1, 4), (2, 2), (4, 1)]
    """
    if axes == 1:
        return [(rows,)]
    heights = [n for n in range(1, rows + 1) if rows % n == 0]
    return [(n, *rest) for n in heights for rest in boxes(rows // n, axes - 1)]
