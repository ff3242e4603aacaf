"""Random formulas: sets, counts and loops against the evaluation of every pair."""

from collections import Counter

import islpy
import pytest
from hypothesis import HealthCheck, given, settings

from attnc.compiler.counts import census
from attnc.compiler.loops import enumerate_tiles, plan
from attnc.compiler.relation import Relation, relation
from attnc.compiler.sets import IntegerSet
from attnc.compiler.tiles import visits
from attnc.dsl.errors import AnalysisTooComplex
from tests.compiler import formulas
from tests.compiler.brute import Lengths, classes, grid

QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}


def points(tiles: IntegerSet, relation: Relation, n: Lengths) -> set:
    found = []
    for h in range(formulas.HEADS if relation.uses_head else 1):
        at = tiles.fix(h=h, **n.values)
        at.raw.foreach_point(lambda point, h=h: found.append((h, *_coordinates(point))))
    return set(found)


def _coordinates(point) -> tuple:
    return tuple(point.get_coordinate_val(islpy.dim_type.set, i).to_python() for i in (0, 1))


@pytest.fixture(scope="module")
def tally():
    tally = Counter()
    yield tally
    assert tally["too complex"] <= tally["tried"] // 50


@settings(max_examples=600, **QUIET)
@given(formulas.conditions(), formulas.lengths(), formulas.TILES)
def test_tiles_and_counts(tally, condition, n, tile):
    tally["tried"] += 1
    try:
        pairs = relation(condition, formulas.HEADS)
        visited = visits(pairs, *tile)
        numbers = census(pairs, *tile, **n.values)
    except AnalysisTooComplex:
        tally["too complex"] += 1
        return
    expected = grid(condition, n, formulas.HEADS if pairs.uses_head else 1)
    live, full = classes(expected, n, *tile)
    assert points(visited.live, pairs, n) == live
    whole = points(visited.whole, pairs, n)
    assert whole <= full
    assert points(visited.masked, pairs, n) == live - whole
    assert numbers.useful == expected.sum()
    assert numbers.visited == len(live) * tile[0] * tile[1]
    assert (numbers.partial, numbers.full) == (len(live - full), len(full))
    assert numbers.pairs == expected.size


@settings(max_examples=150, **QUIET)
@given(formulas.conditions(1), formulas.lengths(), formulas.TILES)
def test_loops(tally, condition, n, tile):
    tally["tried"] += 1
    try:
        pairs = relation(condition, formulas.HEADS)
        visited = visits(pairs, *tile)
        nests = {
            (kind, fixed): plan(getattr(visited, kind), pairs, fixed, size, (), other).nest
            for kind in ("whole", "masked")
            for fixed, size, other in (("t", tile[0], tile[1]), ("c", tile[1], tile[0]))
        }
    except AnalysisTooComplex:
        tally["too complex"] += 1
        return
    heads = formulas.HEADS if pairs.uses_head else 1
    for (kind, fixed), nest in nests.items():
        rows, size = (n.q_len, tile[0]) if fixed == "t" else (n.k_len, tile[1])
        found = [
            (h, *((at, other) if fixed == "t" else (other, at)))
            for h in range(heads)
            for at in range(-(-rows // size))
            for other in enumerate_tiles(nest, h=h, **{fixed: at}, **n.values)
        ]
        assert len(found) == len(set(found))
        assert set(found) == points(getattr(visited, kind), pairs, n)
