"""What a pattern on a grid costs, counted axis by axis, and what other tiles would visit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import prod
from typing import TYPE_CHECKING

from attnc.compiler import fold
from attnc.compiler.analysis import Analysis, Pattern, derived, notes_on
from attnc.compiler.boxes import boxes
from attnc.compiler.grid_counts import Box, GridPattern, Grids, total
from attnc.compiler.grid_field import receptive_field
from attnc.compiler.grids import products
from attnc.compiler.inline import mask_condition
from attnc.compiler.proofs import Retention, proofs_of, retention
from attnc.compiler.relation import relation
from attnc.compiler.tile_choices import TileChoice, ranked
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex, HeadsMissing, MissingInput

if TYPE_CHECKING:
    from attnc.dsl.program import Bound


OPEN = "conditions that couple axes, tensors or draws"


@dataclass(frozen=True, slots=True)
class GridTiles:
    """The tiles of a kernel: boxes of points along the axes, within residue classes of `steps`.

    `condition` is the pattern within a class.
    """

    condition: ast.Expr
    queries: Box
    keys: Box
    steps: Box

    def __str__(self) -> str:
        shapes = (" x ".join(map(str, box)) for box in (self.queries, self.keys))
        classes = " x ".join(map(str, self.steps)) if prod(self.steps) > 1 else ""
        return "boxes of {} queries, {} keys".format(*shapes) + (
            f", in residue classes of steps {classes}" if classes else ""
        )


def analyze_grid(
    bound: "Bound",
    extents: Box,
    kernel: GridTiles,
    *,
    heads: int | None = None,
    kv_heads: int | None = None,
    head_dim: int = 64,
    heights: Sequence[int] = (),
    itemsize: int = 4,
    numbers: Mapping[str, int] | None = None,
) -> Analysis:
    """Analyse a bound spec at these extents; the fields are as for sequences.

    `heights` are the points of other tiles of queries to compare with the kernel's. Raises as
    `analyze` does.
    """
    pattern = pattern_of(bound, extents, heads, kv_heads, numbers or {})
    whole = pattern.grids()
    classes = replace(pattern, condition=kernel.condition, steps=kernel.steps)
    inner = classes.grids() if prod(kernel.steps) > 1 else whole
    points, heads_counted = prod(extents), pattern.heads or 1
    at_most = sum(number * one.at_most for number, one in whole)
    exact = at_most == sum(number * one.useful for number, one in whole)
    dense = heads_counted * points * points
    found = replace(total(inner, kernel.queries, kernel.keys), pairs=dense)
    analysis = derived(
        Pattern(bound.name, (points, points), heads_counted, exact),
        found,
        (head_dim, itemsize, prod(kernel.queries)),
        _retention(pattern, heads),
        tile_map=str(kernel),
        receptive_field=receptive_field([one for _, one in whole]),
        proofs=tuple(proofs_of(bound, heads, kv_heads)),
        notes=notes_on(exact, "b" in fold.names(pattern.condition), OPEN),
    )
    choices = _choices(kernel, {kernel.steps: inner, pattern.steps: whole}, heights, dense)
    return replace(analysis, grid=extents, choices=choices)


def pattern_of(
    bound: "Bound",
    extents: Box,
    heads: int | None,
    kv_heads: int | None,
    numbers: Mapping[str, int],
) -> GridPattern:
    """The pattern at these extents; raises `MissingInput` for a number that it needs."""
    condition = mask_condition(bound, heads, kv_heads)
    used = fold.names(condition)
    if "h" in used and heads is None:
        raise HeadsMissing
    floats = frozenset(n for n, given in bound.inputs.items() if given.dtype == "float")
    wanted = [n for n, given in bound.inputs.items() if n in used - floats and not given.axes]
    missing = [name for name in wanted if name not in numbers]
    if missing:
        raise MissingInput(missing[0])
    values = {name: numbers[name] for name in wanted} | {"b": numbers.get("b", 0)}
    labels = tuple(label for label, _ in bound.grid)
    steps = (1,) * len(labels)
    return GridPattern(
        condition, labels, extents, steps, (heads or 0) * ("h" in used), values, floats
    )


def _choices(
    kernel: GridTiles, known: Mapping[Box, Grids], heights: Sequence[int], dense: int
) -> tuple[TileChoice, ...]:
    """The kernel's tiles, then for each height the best box, with residue classes and without.

    `known` are the grids of the classes of some steps, `dense` is the number of all pairs.
    """
    found: list[TileChoice] = []
    for steps, grids in known.items():
        for height in dict.fromkeys((prod(kernel.queries), *heights)):
            shapes = (
                replace(kernel, queries=box, steps=steps) for box in boxes(height, len(steps))
            )
            each = [_choice(one, grids, dense, one == kernel) for one in shapes]
            found += [one for one in each if one.chosen] + [min(each, key=lambda one: one.visited)]
    return ranked(found)


def _choice(tiles: GridTiles, grids: Grids, dense: int, chosen: bool) -> TileChoice:
    found = replace(total(grids, tiles.queries, tiles.keys), pairs=dense)
    return TileChoice.of((tiles.queries, tiles.keys, tiles.steps), found, chosen=chosen)


def _retention(pattern: GridPattern, heads: int | None) -> Retention:
    """What a model that makes one hyperplane of the first axis after another has to keep."""
    nothing: ast.Expr = ast.Bool(False)
    first = (one.factors[0] for one in products(pattern.condition, pattern.labels))
    numbers = {name: ast.Int(n) for name, n in pattern.values.items()}
    condition = fold.substitute(reduce(fold.disjunction, first, nothing), numbers)
    try:
        kept = retention(relation(condition, heads, pattern.floats))
    except AnalysisTooComplex as error:
        return Retention(None, f"not known: {error}")
    each = prod(pattern.extents[1:])
    if kept.bound is None or len(pattern.extents) == 1:
        return kept
    words = f"{kept.rule} along {pattern.labels[0]}, {each:,} keys each"
    return replace(kept, bound=kept.bound * each, rule=words)
