"""The tiles of a relation at given lengths, one by one: what an index table holds."""

from dataclasses import dataclass

import numpy as np

from attnc.compiler.listing import Array, list_points
from attnc.compiler.relation import Relation
from attnc.compiler.sets import IntegerSet, guard, parse
from attnc.compiler.tiles import tile_map
from attnc.dsl.errors import AnalysisTooComplex

OPERATIONS = 3_000_000  # of isl: a disc on a grid, all axes at once, takes it 0.3 s


@dataclass(frozen=True, slots=True)
class TileList:
    """Live tiles of `shape`, the numbers of heads, of rows and of columns of tiles.

    `full` have all of their queries and keys, and all of their pairs are in the pattern; `partial`
    are the others. Both are int64 [n] of `(head * rows + row) * columns + column`, with head 0
    where all heads share the pattern, in no order. What is not `exact` has to be settled by the
    pairs: a partial tile may be full, or have no pair.
    """

    partial: Array
    full: Array
    shape: tuple[int, int, int]
    exact: bool


def list_tiles(relation: Relation, tile_q: int, tile_k: int, **values: int) -> TileList:
    """The tiles at these values of the four lengths, run-time integers and `b`.

    It is not exact where tensors have a say, or telling full tiles is beyond isl. It takes isl some
    milliseconds, as the lengths are constants, and then what writing down the tiles takes. Raises
    `AnalysisTooComplex`.
    """
    heads = (relation.heads or 1) if relation.uses_head else 1
    shape = (heads, -(-values["q_len"] // tile_q), -(-values["k_len"] // tile_k))
    names = (*relation.outer, "t", "c")
    mapping = tile_map(relation, tile_q, tile_k)

    def tiles(pairs: IntegerSet) -> IntegerSet:
        return pairs.fix(**values).apply(mapping, *names).fix(**values)

    with guard(OPERATIONS):
        live = tiles(relation.upper)
    try:
        with guard(OPERATIONS):
            broken = tiles(relation.existing.fix(**values) - relation.lower.fix(**values))
            ends = f"t < {values['q_len'] // tile_q} and c < {values['k_len'] // tile_k}"
            whole = parse(f"{{ [{', '.join(names)}] : {ends} }}")
            full = ((live & whole) - broken).coalesce()
            partial = (live - full).coalesce()
            return TileList(_places(partial, shape), _places(full, shape), shape, relation.exact)
    except AnalysisTooComplex:
        every = _places(live, shape)
        return TileList(every, every[:0], shape, False)


def _places(tiles: IntegerSet, shape: tuple[int, int, int]) -> Array:
    """The places of the tiles of a set."""
    points = list_points(tiles, shape[3 - len(tiles.dims) :])
    place = np.zeros(len(points), np.int64)
    for values, extent in zip(points.T, shape[-points.shape[1] :], strict=True):
        place = place * extent + values
    return place
