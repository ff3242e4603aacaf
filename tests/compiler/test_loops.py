import pytest

from attnc.compiler import loops
from attnc.compiler.loops import enumerate_tiles, plan, show
from attnc.compiler.tiles import visits
from tests.compiler import specs
from tests.compiler.brute import Lengths, classes, grid

TILE = (16, 8)
LENGTHS = [
    Lengths(0, 0, 100, 100),
    Lengths(0, 0, 7, 7),
    Lengths(60, 0, 1, 61),
    Lengths(40, 0, 33, 73),
    Lengths(-5, 0, 20, 15),
    Lengths(13, -9, 30, 52),
    Lengths(3, 11, 25, 60),
]


@pytest.mark.parametrize("name", [*specs.MASKS])
def test_each_live_tile_is_visited_once(name):
    pairs = specs.relation(name)
    heads = specs.HEADS if pairs.uses_head else 1
    tiles = visits(pairs, *TILE)
    whole = plan(tiles.whole, pairs, size=TILE[0], other_size=TILE[1])
    masked = plan(tiles.masked, pairs, size=TILE[0], other_size=TILE[1])
    for n in LENGTHS:
        live, full = classes(grid(pairs.condition, n, heads), n, *TILE)
        found = {
            kind: [
                (h, t, c)
                for h in range(heads)
                for t in range(-(-n.q_len // TILE[0]))
                for c in enumerate_tiles(nest, t=t, h=h, **n.values)
            ]
            for kind, nest in (("whole", whole.nest), ("masked", masked.nest))
        }
        assert sorted(found["whole"] + found["masked"]) == sorted(live)
        assert set(found["whole"]) <= full


def test_a_causal_nest_is_one_loop():
    pairs = specs.relation("causal")
    tiles = visits(pairs, 48, 8, loops.FROM_ZERO)
    whole = plan(tiles.whole, pairs, size=48, assume=loops.FROM_ZERO)
    masked = plan(tiles.masked, pairs, size=48, assume=loops.FROM_ZERO)
    assert (whole.loops, whole.kind) == (1, "loops")
    assert (masked.loops, loops.count_guards(masked.nest)) == (1, 0)
    assert show(whole.nest) == (
        "for c in range(0, (6) * (t) + (q_start + 1) div (8)):\n    visit(c)"
    )


@pytest.mark.parametrize("name", ["window", "streaming", "longformer", "dilated", "strided"])
def test_nests_of_known_patterns_are_short(name):
    pairs = specs.relation(name)
    tiles = visits(pairs, 48, 8, loops.FROM_ZERO)
    for part in (tiles.whole, tiles.masked):
        assert plan(part, pairs, size=48, assume=loops.FROM_ZERO).loops <= 6


def test_where_isl_finds_no_loops_every_tile_is_tried(monkeypatch):
    monkeypatch.setattr(loops, "_simplest", lambda tiles, known: None)
    pairs = specs.relation("strided")
    tiles = visits(pairs, *TILE)
    made = plan(tiles.live, pairs, size=TILE[0], other_size=TILE[1])
    assert made.kind == "table"
    n = Lengths(0, 0, 100, 100)
    live, _ = classes(grid(pairs.condition, n), n, *TILE)
    found = {(0, t, c) for t in range(7) for c in enumerate_tiles(made.nest, t=t, **n.values)}
    assert found == live
