"""How many pairs the kernel of a tile visits: what candidates are ranked by."""

from collections.abc import Callable
from functools import cache
from math import prod

from attnc.compiler.counts import Census, census
from attnc.compiler.elaborate import Sizes
from attnc.compiler.grid_analysis import pattern_of
from attnc.compiler.grid_counts import total
from attnc.compiler.passes.choose_tiles import USUAL
from attnc.compiler.relation import LENGTHS, of_bound
from attnc.dsl.errors import AnalysisTooComplex
from attnc.dsl.program import Bound
from attnc.runtime.calls.grids import fitted
from attnc.runtime.gpu.lower_triton import grid_boxes

Counted = Callable[[tuple[int, int]], Census]


def counts(bound: Bound, sizes: Sizes, length: int) -> Counted:
    """The numbers by queries and keys of a tile, for `length` of both or a grid of usual extents.

    Run-time integers are half the length.
    """
    return cache(_on_grid(bound, sizes, length) if bound.grid else _on_line(bound, sizes, length))


def _on_line(bound: Bound, sizes: Sizes, length: int) -> Counted:
    relation = of_bound(bound, sizes.heads or None, sizes.kv_heads or None)
    values = dict.fromkeys(relation.upper.params, length // 2)
    queries = sizes.rows // sizes.packed
    many = queries or length
    values |= dict(zip(LENGTHS, (length - many, 0, many, length), strict=True))
    return lambda tile: census(relation, queries or tile[0], tile[1], **values)


def _on_grid(bound: Bound, sizes: Sizes, length: int) -> Counted:
    extents = fitted(bound, None, (USUAL[min(len(bound.grid), len(USUAL)) - 1],) * len(bound.grid))
    numbers = dict.fromkeys((n for n, i in bound.inputs.items() if not i.axes), length // 2)
    heads, kv_heads = sizes.heads or None, sizes.kv_heads or None
    grids = pattern_of(bound, extents, heads, kv_heads, numbers).grids()
    points = prod(extents) ** 2

    def counted(tile: tuple[int, int]) -> Census:
        try:
            return total(grids, *grid_boxes(bound, sizes, tile))
        except AnalysisTooComplex:  # ranked by instructions alone, as if all pairs were visited
            return Census(points, points, points, 0, max(1, points // prod(tile)), 0)

    return counted
