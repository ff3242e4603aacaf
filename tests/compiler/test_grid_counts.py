"""Numbers of patterns on grids: against every pair, evaluated."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import attnc
from attnc.compiler.boxes import boxes
from attnc.compiler.grid_analysis import pattern_of
from attnc.compiler.grid_counts import GridPattern, SizedPattern, total
from attnc.dsl.errors import GridMissing, InvalidGrid, InvalidValue, MissingInput
from attnc.dsl.loader import load
from attnc.dsl.parser import parse_expression
from tests.compiler.test_boxes import AXES, conditions, dense
from tests.references.grid import CASES, dense as reference
from tests.references.segments import BEFORE

NEAR = {"kernel_y": 13, "kernel_x": 13}
PLAIN = [name for name in CASES if name not in BEFORE]  # segments are not analysed
NATURAL = {1: (16384,), 2: (128, 128), 3: (16, 32, 32)}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    conditions(),
    st.tuples(st.integers(1, 17), st.integers(1, 17)),
    st.sampled_from(boxes(8, 2)),
)
def test_tiles_are_those_of_brute_force(
    text: str, extents: tuple[int, int], box: tuple[int, int]
) -> None:
    condition, keys = parse_expression(text), (1, 4)
    ((_, one),) = GridPattern(condition, AXES, extents, (1, 1)).grids()
    pairs = dense(condition, extents)
    found = one.census(box, keys)
    live = full = 0
    counts = [[range(-(-n // m)) for n, m in zip(extents, b, strict=True)] for b in (box, keys)]
    for t in itertools.product(*counts[0]):
        for c in itertools.product(*counts[1]):
            places = zip((*t, *c), (*box, *keys), strict=True)
            tile = pairs[tuple(slice(n * m, (n + 1) * m) for n, m in places)]
            live, full = live + bool(tile.any()), full + bool(tile.all())
    tiles = math.prod(map(len, counts[0])) * math.prod(map(len, counts[1]))
    assert (found.useful, found.visited) == (pairs.sum(), live * 8 * 4)
    assert (found.empty, found.partial, found.full) == (tiles - live, live - full, full)
    assert one.useful == one.at_most == pairs.sum()


@pytest.mark.parametrize("name", PLAIN)
def test_pairs_and_fields_are_those_of_the_definition(name: str) -> None:
    for grid, given_ in CASES[name]:
        found = attnc.analyze(name, grid=grid, **given_)
        pairs = reference(name, grid, **given_)
        if found.useful is None:  # its condition couples axes
            assert found.at_most >= pairs.sum() and "couple axes" in found.notes[0]
            continue
        assert (found.useful, found.density) == (pairs.sum(), pairs.mean())
        assert found.visited >= found.useful and found.grid == grid
        reached, expected = np.eye(len(pairs), dtype=bool)[-1], []
        while len(expected) < 8 and (len(expected) < 2 or expected[-1] > expected[-2]):
            reached = reached | reached @ pairs
            expected.append(int(reached.sum()))
        assert list(found.receptive_field) == sorted(set(expected))


@pytest.mark.parametrize("name", PLAIN)
def test_the_first_choice_is_the_kernels(name: str) -> None:
    rank = len(next(iter(CASES[name]))[0])
    numbers = {"shift": 3} if name == "grid/hidiffusion" else {}
    found = attnc.analyze(name, grid=NATURAL[rank], **numbers)
    assert found.choices[0].chosen and found.choices[0].visited == found.visited
    assert found.predicted_seconds and found.tile_map.startswith("boxes of ")


def test_residue_classes_cost_what_the_plain_window_costs() -> None:
    """And less than half of what boxes of neighbours would visit."""
    dilated = attnc.analyze("grid/natten2d", grid=(256, 256), **NEAR, dilation_y=4, dilation_x=4)
    plain = pattern_of(load("grid/natten2d").bind(**NEAR), (64, 64), None, None, {}).grids()
    chosen = dilated.choices[0]
    assert dilated.visited == 16 * total(plain, chosen.queries, chosen.keys).visited
    split, whole = (next(c for c in dilated.choices if c.steps == (s, s)) for s in (4, 1))
    assert whole.visited > 2 * split.visited
    assert split.speedup == 256**4 / split.visited
    assert split.waste == split.visited / dilated.useful


def test_heads_and_tensors() -> None:
    heads = (
        "grid y: H, x: W attention a { "
        "mask (same on y when h mod 2 == 0) | (same on x when h mod 2 == 1) }"
    )
    found = attnc.analyze(heads, grid=(5, 9), heads=4)
    assert found.useful == 2 * 45 * 9 + 2 * 45 * 5 and found.heads == 4
    tensor = (
        "grid y: H, x: W attention a { input group: int[token] "
        "mask window(2) on y & { group[q] == group[k] } }"
    )
    found = attnc.analyze(tensor, grid=(9, 3))
    window = attnc.analyze("grid y: H, x: W attention a { mask window(2) on y }", grid=(9, 3))
    assert (found.useful, found.density) == (None, None)
    assert found.at_most == window.useful and found.tiles.full == 0 and found.notes


def test_lengths_in_a_formula_are_numbers() -> None:
    text = "grid y: H, x: W attention a { mask { k.x + 5 < len and k.y + 3 < qlen } }"
    found = attnc.analyze(text, grid=(3, 4))
    assert found.useful == attnc.mask(text, grid=(3, 4)).sum()


def test_a_model_that_makes_frames_keeps_frames() -> None:
    found = attnc.analyze("grid/motionstream", grid=(20, 3, 4), sinks=2, frames=5)
    assert found.cache_bound == 7 * 12
    assert found.cache_rule == "keeps the first 2 keys and the last 5 along t, 12 keys each"


def test_what_is_missing_is_said() -> None:
    with pytest.raises(GridMissing, match=r"extents \(Y, X\)"):
        attnc.analyze("grid/swin", seq=49)
    with pytest.raises(InvalidValue, match="49, the points of the grid"):
        attnc.analyze("grid/swin", grid=(7, 7), seq=48)
    with pytest.raises(InvalidGrid, match="declares no grid"):
        attnc.analyze("line/causal", grid=(7, 7))
    with pytest.raises(MissingInput, match="shift"):
        attnc.analyze("grid/hidiffusion", grid=(7, 7))


def test_grids_add_up() -> None:
    one = SizedPattern(parse_expression("q.x == k.x"), ("x",), (6,))
    found = total([(2, one), (3, one)], (2,), (2,))
    assert (found.useful, found.visited, found.empty) == (30, 5 * 12, 5 * 6)
