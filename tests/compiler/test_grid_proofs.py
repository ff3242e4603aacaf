"""Assertions on grids: proved for every extent, or refuted by a grid on which they fail."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import attnc
from attnc.compiler.proofs import proofs_of
from attnc.compiler.proofs.points import GridMask, causal, covers, equal, heads_cover
from attnc.dsl.errors import AssertionRefuted, AttnError
from attnc.dsl.loader import load
from attnc.dsl.parser import parse_expression
from tests.compiler.test_boxes import AXES, conditions, dense
from tests.references.grid import CASES

PLANE = "grid y: H, x: W attention a"
GRIDS = sorted(itertools.product(range(1, 6), repeat=2), key=lambda grid: (np.prod(grid), grid))
masks = st.one_of(
    conditions(),
    conditions().map(lambda text: f"not ({text})"),
    conditions().map(lambda text: f"({text}) and k <= q"),
)


def of(text: str, heads: int | None = None, **extents: int) -> GridMask:
    axes = tuple((label, extents.get(label, label.upper())) for label in AXES)
    return GridMask(parse_expression(text), axes, heads, frozenset())


@cache
def pairs(text: str, grid: tuple[int, int]) -> np.ndarray:
    """The pairs by tokens."""
    numbers = [np.arange(n) for n in (*grid, *grid)]
    points = np.ix_(*numbers)
    tokens = points[0] * grid[1] + points[1], points[2] * grid[1] + points[3]
    text = text.replace("k <= q", "kk <= qq")
    found = dense_of(text, grid, tokens)
    return found.reshape(np.prod(grid), -1)


def dense_of(text: str, grid: tuple[int, int], tokens: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    if not text.endswith(" and kk <= qq"):
        return dense(parse_expression(text), grid)
    rest = dense(parse_expression(text.removesuffix(" and kk <= qq")), grid)
    return rest & (tokens[1] <= tokens[0])


def first(failing) -> tuple[tuple[int, int], list[int]] | None:
    """The first grid with a failure, and the failure."""
    for grid in GRIDS:
        found = np.argwhere(failing(grid))
        if len(found):
            return grid, found[0].tolist()
    return None


def agree(proof, failing) -> None:
    found = first(failing)
    if proof.verdict == "proved":
        assert found is None
    elif proof.verdict == "unknown":
        assert found is None and "limit" in proof.reason
    else:
        example = proof.counterexample
        place = [example.q] if example.k is None else [example.q, example.k]
        if max(example.grid) <= 5:
            assert failing(example.grid)[tuple(place)]
            assert example.n == np.prod(found[0])
        else:
            assert found is None or example.n <= np.prod(found[0])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(masks, masks)
def test_against_a_search(text: str, other: str) -> None:
    agree(causal(of(text)), lambda grid: np.triu(pairs(text, grid), 1))
    agree(covers(of(text)), lambda grid: ~pairs(text, grid).any(1))
    same = equal(of(text), parse_expression(other))
    agree(same, lambda grid: pairs(text, grid) != pairs(other, grid))


coupled = st.builds(
    "{} * q.y + {} * q.x {} {} * k.y + {} * k.x + {}".format,
    *[st.integers(-1, 2)] * 2,
    st.sampled_from(["<=", "==", ">"]),
    *[st.integers(-1, 2)] * 2,
    st.integers(-2, 3),
)
joined = st.one_of(
    coupled,
    st.builds("({}) and ({})".format, coupled, coupled),
    st.builds(
        "({}) or (k.y {} div 2 == q.x)".format, coupled, st.sampled_from("+-").map("{} 1".format)
    ),
    st.builds("({}) and k <= q".format, coupled),
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(joined, joined)
def test_coupled_axes_against_a_search(text: str, other: str) -> None:
    """They are decided for every extent, without tensors or numbers of tokens."""
    for proof, failing in (
        (causal(of(text)), lambda grid: np.triu(pairs(text, grid), 1)),
        (covers(of(text)), lambda grid: ~pairs(text, grid).any(1)),
        (equal(of(text), parse_expression(other)), lambda g: pairs(text, g) != pairs(other, g)),
    ):
        assert proof.verdict != "unknown", (text, other)
        found, example = first(failing), proof.counterexample
        assert found is None or proof.verdict == "refuted", (text, other)
        if example is not None and max(example.grid) <= 5:
            place = [example.q] if example.k is None else [example.q, example.k]
            assert failing(example.grid)[tuple(place)]


@pytest.mark.parametrize("name", CASES)
def test_what_shipped_specs_assert_is_proved(name: str) -> None:
    for _, given_ in [((), {}), *CASES[name]]:
        program = load(name)
        bound = program.bind(**{n: x for n, x in given_.items() if n not in program.inputs})
        assert bound.asserts
        for proof in proofs_of(bound, 4, 2):
            assert proof.verdict == "proved" and proof.seconds < 1, proof


@pytest.mark.parametrize(
    ("mask", "claim"),
    [
        ("neighborhood(7) on y & neighborhood(4) on x", "covers"),
        ("same on y & (causal on x)", "causal"),
        ("{ k <= q }", "causal"),
        ("{ k.y < q.y } | (same on y & (causal on x))", "same_as { k <= q }"),
        ("~(~(same on y))", "same_as same on y"),
        ("blocks(4) on y - (blocks(2) on y)", "same_as blocks(4) on y & ~(blocks(2) on y)"),
        ("(same on y when h < 2) | (~(same on y) when h >= 2)", "heads_cover"),
        ("{ k <= q } & ((same on y when h < 2) | (~(same on y) when h >= 2))", "heads_cover"),
        ("window(3) on y & window(3) on x", "density(64, 64) < 0.012"),
        ("window(3) on y", "density(10, 5) == 0.58"),
        ("{ abs(q.y - k.y) + abs(q.x - k.x) <= 2 } | { q == k }", "covers"),
        ("{ abs(q.y - k.y) + abs(q.x - k.x) <= 2 }", "covers"),
        ("{ group[q] == group[k] }", "covers"),
        ("{ (q.y + shift) div 4 == (k.y + shift) div 4 and (q.x + shift) mod 3 == (k.x + shift) "
         "mod 3 }", "covers"),
        ("{ q.y + shift == k.y and q.x + shift + 1 == k.x } & { k == q }", "same_as ~full"),
    ],
)  # fmt: skip
def test_proved(mask: str, claim: str) -> None:
    assert proof(mask, claim).verdict == "proved"


@pytest.mark.parametrize(
    ("mask", "claim", "example"),
    [
        ("same on x", "causal", "grid = (2, 1), q = (0, 0), k = (1, 0)"),
        ("causal on y", "causal", "grid = (1, 2), q = (0, 0), k = (0, 1)"),
        ("{ k.y < q.y }", "covers", "grid = (1, 1), q = (0, 0)"),
        ("{ k.y < 5 and q.x < 3 }", "covers", "grid = (1, 4), q = (0, 3)"),
        ("blocks(4) on y", "same_as blocks(5) on y", "grid = (5, 1), q = (0, 0), k = (4, 0)"),
        ("same on y when h < 2", "covers", "grid = (1, 1), h = 2, q = (0, 0)"),
        ("same on y when h < 2", "heads_cover", "grid = (2, 1), q = (0, 0), k = (1, 0)"),
        ("window(3) on y", "density(10, 5) < 0.58", ""),
        ("{ abs(q.y - k.y) + abs(q.x - k.x) < 3 }", "causal",
         "grid = (1, 2), q = (0, 0), k = (0, 1)"),
        ("{ q.y == k.x }", "covers", "grid = (2, 1), q = (1, 0)"),
        ("{ q.y + shift == k.y }", "covers", "grid = (1, 1), q = (0, 0)"),
        ("same on y & { q.x < len }", "covers", ""),
    ],
)  # fmt: skip
def test_refuted(mask: str, claim: str, example: str) -> None:
    found = proof(mask, claim)
    if "len" in mask:
        assert found.verdict in ("proved", "unknown")
        return
    assert found.verdict == "refuted"
    assert str(found.counterexample or "") == example


def proof(mask: str, claim: str):
    inputs = [f"input {n}" for n in ("group: int[token]", "shift: int") if n.split(":")[0] in mask]
    text = f"{PLANE} {{ {' '.join(inputs)} mask {mask} assert {claim} }}"
    (found,) = proofs_of(load(text).bind(), 4, 2)
    assert found.assertion.startswith(claim[:6])
    return found


def test_axes_of_one_extent_have_one_extent() -> None:
    text = "grid y: N, x: N attention a {{ mask {} assert covers }}"
    never = "{ len <= 3 } on y & { len >= 4 } on x"
    (square,) = proofs_of(load(text.format(f"~({never})")).bind(), None, None)
    assert square.verdict == "proved"
    (free,) = proofs_of(load(f"{PLANE} {{ mask ~({never}) assert covers }}").bind(), None, None)
    assert (free.verdict, free.counterexample.grid) == ("refuted", (1, 4))


def test_constant_extents_are_the_size() -> None:
    assert covers(of("k.y == 5", y=6)).verdict == "proved"
    assert covers(of("k.y == 5")).verdict == "refuted"
    assert covers(of("q.y + q.x <= k.y + k.x + 1", y=2, x=3)).verdict == "proved"
    assert covers(of("k.y + k.x >= q.y + q.x + 1", y=2, x=3)).verdict == "refuted"
    assert heads_cover(of("q.y + q.x >= k.y", y=2, x=3)).counterexample.grid == (2, 3)


def test_what_cannot_be_decided_says_why() -> None:
    assert "couples axes" in proof("{ k.y + k.x < len }", "covers").reason
    assert "values of an input" in proof("{ group[q] != group[k] }", "covers").reason


def test_a_refuted_assertion_stops_compiling() -> None:
    with pytest.raises(AssertionRefuted, match=r"at grid = \(1, 2\), q = \(0, 0\), k = \(0, 1\)"):
        attnc.compile(f"{PLANE} {{ mask same on y assert causal }}")


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("reaches(3, 4)", r"write `assert reaches\(4\)` or `assert reaches\(4, 64, 64\)`"),
        ("bounded_cache", "`assert bounded_cache` is not for grids"),
        ("density(64) < 0.5", r"write `assert density\(64, 64\) < 0.05`"),
        ("same_as window(4)", "is a point of the grid"),
    ],
)
def test_claims_that_a_grid_does_not_have(claim: str, message: str) -> None:
    with pytest.raises(AttnError, match=message):
        load(f"{PLANE} {{ mask same on y assert {claim} }}")
