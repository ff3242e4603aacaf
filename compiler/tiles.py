"""Tiles of a relation: which are live, and which need no mask. Sets with symbolic lengths.

Query tile `t` holds the rows `[t * tile_q, (t + 1) * tile_q)`, key tile `c` the rows
`[c * tile_k, (c + 1) * tile_k)`; row i of the queries has position `q_start + i`. All sets have
the dimensions `[h, t, c]`, `h` only where the mask depends on the head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from attnc.compiler.relation import OPERATIONS, Relation
from attnc.compiler.sets import IntegerSet, Space, context, guard
from attnc.dsl.errors import AnalysisTooComplex


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """What a kernel visits: the live tiles in two parts, chosen so that their loops are simple.

    `whole`: all keys of the tile exist and every pair of it, of query rows past the end too,
    is in the relation: no test at all is needed. `masked`: the other live tiles.
    """

    live: IntegerSet
    whole: IntegerSet
    masked: IntegerSet


def visits(
    relation: Relation, tile_q: int, tile_k: int, assume: Sequence[str] = (), owner: str = "q"
) -> Visits:
    """What a kernel visits at a tile size.

    `assume` are facts about the parameters, in isl's notation.

    A kernel that owns keys adds to the rows of the queries that it visits, so that all rows of a
    whole tile of its exist.
    """
    facts = context(relation.params, assume)
    live = live_tiles(relation, tile_q, tile_k, assume)
    for whole in (_whole, _whole_by_part, _none):
        try:
            with guard(OPERATIONS):
                inside = whole(relation, facts, tile_q, tile_k)
                if owner == "k":
                    inside &= _with_all_queries(relation, tile_q)
                return Visits(live, inside, (live - inside).coalesce())
        except AnalysisTooComplex:
            continue
    raise AssertionError("no whole tiles is always an answer")


def live_tiles(
    relation: Relation, tile_q: int, tile_k: int, assume: Sequence[str] = ()
) -> IntegerSet:
    """The live tiles alone; `assume` as in `visits`."""
    with guard(OPERATIONS):
        return _touched(relation, relation.upper & context(relation.params, assume), tile_q, tile_k)


def _touched(relation: Relation, pairs: IntegerSet, tile_q: int, tile_k: int) -> IntegerSet:
    """The tiles that hold one of the pairs."""
    return pairs.apply(tile_map(relation, tile_q, tile_k), *relation.outer, "t", "c")


def _whole(relation: Relation, facts: IntegerSet, tile_q: int, tile_k: int) -> IntegerSet:
    """Tiles with all their keys and no pair that fails: exact."""
    failing = _touched(relation, relation.fails & facts, tile_q, tile_k)
    return ((_with_all_keys(relation, tile_q, tile_k) & facts) - failing).coalesce()


def _whole_by_part(relation: Relation, facts: IntegerSet, tile_q: int, tile_k: int) -> IntegerSet:
    """Those inside one disjunct of the condition: a tile that needs two of them is masked."""
    space, every = Space(relation.dims, relation.params), _with_all_keys(relation, tile_q, tile_k)
    found = []
    for part in relation.lower.parts():
        failing = _touched(relation, (space.everything() - part) & facts, tile_q, tile_k)
        found.append(((every & facts) - failing).coalesce())
    outer = Space((*relation.outer, "t", "c"), relation.params)
    return outer.union(found).coalesce()


def _none(relation: Relation, facts: IntegerSet, tile_q: int, tile_k: int) -> IntegerSet:
    """Every live tile is masked, which is always right."""
    return Space((*relation.outer, "t", "c"), relation.params).nothing()


def tile_map(relation: Relation, tile_q: int, tile_k: int) -> str:
    """The map from pairs to tiles, `{ [h, q, k] -> [h, t, c] }`, as text."""
    outer = "".join(f"{name}, " for name in relation.outer)
    return (
        f"[{', '.join(relation.params)}] -> {{ [{outer}q, k] -> [{outer}t, c] : "
        f"{tile_q} t <= q - q_start < {tile_q} t + {tile_q} and "
        f"{tile_k} c <= k - k_start < {tile_k} c + {tile_k} }}"
    )


def _with_all_queries(relation: Relation, tile_q: int) -> IntegerSet:
    """The tiles with nothing but existing query rows."""
    space = Space((*relation.outer, "t", "c"), relation.params)
    return space.parse(f"0 <= t and {tile_q} t + {tile_q} <= q_len")


def _with_all_keys(relation: Relation, tile_q: int, tile_k: int) -> IntegerSet:
    """The tiles with some query row and nothing but existing keys."""
    space = Space((*relation.outer, "t", "c"), relation.params)
    heads = f"0 <= h < {relation.heads} and " if relation.uses_head else ""
    return space.parse(
        f"{heads}0 <= t and {tile_q} t < q_len and 0 <= c and {tile_k} c + {tile_k} <= k_len and "
        f"0 <= k_start + {tile_k} c"
    )
