"""Plans over boxes: each live tile is pushed once, and what is certain holds for all its pairs."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from attnc.compiler import fold, loops
from attnc.compiler.boxes import Planner, Side, boxes, part
from attnc.compiler.evaluate import evaluate as value
from attnc.compiler.grids import products
from attnc.compiler.relation import relation
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Bool
from tests.compiler.brute import evaluate

AXES = ("y", "x")
FACTORS = (
    "true",
    "q.A == k.A",
    "clamp(q.A - 2, 0, len.A - 5) <= k.A < clamp(q.A - 2, 0, len.A - 5) + 5",
    "clamp(q.A - 3, 0, len.A - 6) <= k.A < clamp(q.A - 3, 0, len.A - 6) + 6",
    "k.A <= q.A and q.A - k.A < 4",
    "q.A div 3 == k.A div 3",
    "(q.A + 2) div 4 == (k.A + 2) div 4",
    "abs(q.A - k.A) <= 4 and (q.A - k.A) mod 3 == 0",
    "k.A mod 5 == 1",
)
factor = st.sampled_from(FACTORS)


@st.composite
def conditions(draw: st.DrawFn) -> str:
    parts = [" and ".join(draw(factor).replace("A", a) for a in AXES) for _ in range(2)]
    return draw(st.sampled_from((parts[0], f"({parts[0]}) or ({parts[1]})")))


@settings(max_examples=60, deadline=None)
@given(
    conditions(),
    st.tuples(st.integers(1, 17), st.integers(1, 17)),
    st.sampled_from(boxes(8, 2)),
    st.sampled_from("qk"),
)
def test_each_live_tile_is_pushed_once(
    text: str, extents: tuple[int, int], box: tuple[int, int], owner: str
) -> None:
    condition = parse_expression(text)
    sides = [Side("y", box[0], 1), Side("x", box[1], 4)]
    found = products(condition, AXES)
    parts = [
        part(one, [relation(f) for f in one.factors], sides, owner)
        for one in found
        if not any(relation(f).upper.is_empty() for f in one.factors)
    ]
    planner = Planner(parts, sides, owner)
    planned = planner.nests()
    pairs = dense(condition, extents)
    owned, visited = (pairs, "c_") if owner == "q" else (pairs.transpose(2, 3, 0, 1), "t_")
    fixed = planner.fixed
    counts = [-(-n // side.owned) for n, side in zip(extents, sides, strict=True)]
    for place in itertools.product(*map(range, counts)):
        env = {f"{fixed}.{a}": t for a, t in zip(AXES, place, strict=True)}
        env |= {f"len.{a}": n for a, n in zip(AXES, extents, strict=True)}
        env |= {"stride.y": extents[1], "stride.x": 1}
        rows = [slice(t * s.owned, (t + 1) * s.owned) for t, s in zip(place, sides, strict=True)]
        own = owned[rows[0], rows[1]]
        seen = np.zeros(own.shape[2:], int)
        for one in planned:
            for tile, names in visits(one.nest, env, visited):
                if value(one.verdict.possible, names):
                    at = divmod(tile, extents[1])
                    run = (at[0], slice(at[1], at[1] + 4))
                    seen[run] += 1
                    whole = at[1] + 4 <= extents[1] and value(one.verdict.certain, names)
                    assert not whole or own[:, :, run[0], run[1]].all()
        assert seen.max(initial=0) <= 1
        assert seen[own.any((0, 1))].all()


def visits(nest: loops.Nest, env: dict[str, int], visited: str):
    """The rows that are pushed, with the names at that place."""
    for statement in nest:
        match statement:
            case loops.Loop(variable, low, high, step, body):
                for i in range(value(low, env), value(high, env), step):
                    yield from visits(body, {**env, variable: i}, visited)
            case loops.Guard(condition, body, otherwise):
                yield from visits(body if value(condition, env) else otherwise, env, visited)
            case loops.Visit(tile):
                yield value(tile, env), env


def dense(condition, extents: tuple[int, int]) -> np.ndarray:
    """The pairs as [q.y, q.x, k.y, k.x]."""
    points = np.ogrid[tuple(slice(n) for n in (*extents, *extents))]
    env = dict(zip(("q.y", "q.x", "k.y", "k.x"), points, strict=True))
    env |= {f"len.{a}": n for a, n in zip(AXES, extents, strict=True)}
    return evaluate(condition, env) & np.ones((*extents, *extents), bool)


def test_boxes() -> None:
    assert all(math.prod(box) == 48 for box in boxes(48, 3))
    assert len(set(boxes(48, 2))) == 10


@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "==", "!="])
def test_row_major_order(op: str) -> None:
    found = products(parse_expression(f"q {op} k"), AXES)
    terms = [fold.conjunction(one.heads, one.rest) for one in found]
    assert set(terms) == {Bool(True)}
    numbers = np.arange(12).reshape(3, 4)
    wanted = evaluate(
        parse_expression(f"q {op} k"),
        {"q": numbers[:, :, None, None], "k": numbers[None, None]},
    )
    seen = np.zeros(wanted.shape, bool)
    q_y, q_x, k_y, k_x = np.ogrid[:3, :4, :3, :4]
    for one in found:
        y = evaluate(one.factors[0], {"q": q_y, "k": k_y, "len": 3})
        seen |= y & evaluate(one.factors[1], {"q": q_x, "k": k_x, "len": 4})
    assert (seen == wanted).all()
