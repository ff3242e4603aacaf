"""Exact numbers of a relation at given lengths: pairs, tiles of each class, pairs visited."""

from dataclasses import astuple, dataclass

from attnc.compiler import lattice
from attnc.compiler.relation import OPERATIONS, Relation
from attnc.compiler.sets import IntegerSet, guard


@dataclass(frozen=True, slots=True)
class Census:
    """Exact numbers at one choice of lengths, over all heads if the mask depends on them, else one.

    `useful` are the pairs of the upper relation; `visited` those of its live tiles, counted whole
    (`tile_q * tile_k` each). `empty`, `partial` and `full` are numbers of tiles; together they are
    all `ceil(q_len / tile_q) * ceil(k_len / tile_k)` of every head counted.
    """

    pairs: int
    useful: int
    visited: int
    empty: int
    partial: int
    full: int

    def __add__(self, other: "Census") -> "Census":
        return Census(
            self.pairs + other.pairs,
            self.useful + other.useful,
            self.visited + other.visited,
            self.empty + other.empty,
            self.partial + other.partial,
            self.full + other.full,
        )

    def times(self, number: int) -> "Census":
        """The numbers of so many that are alike."""
        return Census(*(number * n for n in astuple(self)))


def count(points: IntegerSet, **values: int) -> int:
    """The number of points at these values of all parameters (and of any dimensions)."""
    with guard(OPERATIONS):
        return lattice.count(points.fix(**values).pieces())


def census(relation: Relation, tile_q: int, tile_k: int, **values: int) -> Census:
    """The numbers at a tile size; `values` are the four lengths, run-time integers and `b`."""
    with guard(OPERATIONS):
        sets = [s.fix(**values) for s in (relation.upper, relation.lower, relation.existing)]
        if not relation.uses_head:
            return _census(sets, tile_q, tile_k, values)
        known: dict[tuple[str, ...], Census] = {}
        total = Census(0, 0, 0, 0, 0, 0)
        for head in range(relation.heads or 0):
            parts = [s.fix(h=head) for s in sets]
            key = tuple(part.text for part in parts)
            if key not in known:
                known[key] = _census(parts, tile_q, tile_k, values)
            total = total + known[key]
        return total


def _census(sets: list[IntegerSet], tile_q: int, tile_k: int, values: dict[str, int]) -> Census:
    upper, lower, existing = sets
    mapping = (
        f"{{ [q, k] -> [t, c] : {tile_q} t <= q - {values['q_start']} < {tile_q} t + {tile_q} and "
        f"{tile_k} c <= k - {values['k_start']} < {tile_k} c + {tile_k} }}"
    )
    live = upper.apply(mapping, "t", "c")
    broken = (existing - lower).coalesce().apply(mapping, "t", "c")
    live_count = lattice.count(live.pieces())
    partial = lattice.count((live & broken).coalesce().pieces())
    tiles = -(-values["q_len"] // tile_q) * -(-values["k_len"] // tile_k)
    return Census(
        pairs=values["q_len"] * values["k_len"],
        useful=lattice.count(upper.pieces()),
        visited=live_count * tile_q * tile_k,
        empty=tiles - live_count,
        partial=partial,
        full=live_count - partial,
    )
