"""Ranges of expressions: sound, and what follows from them changes nothing within its limits."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from attnc.compiler import fold
from attnc.compiler.ranges import LONGEST, exact_length, narrow, reach, table_reach
from attnc.dsl import syntax as ast
from attnc.dsl.loader import load
from attnc.dsl.parser import parse_expression
from attnc.dsl.printer import print_expr
from tests.compiler import formulas
from tests.compiler.brute import evaluate

QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}
LIMIT = 6
NAMES = ("q", "k", "len", "qlen")


def everywhere(limit: int) -> dict:
    """All values of the names within a limit, on four axes, for each head."""
    positions, lengths = np.arange(-limit, limit + 1), np.arange(limit + 1)
    grids = np.meshgrid(positions, positions, lengths, lengths, indexing="ij", sparse=True)
    return dict(zip(NAMES, grids, strict=True)) | {"h": np.asarray(1)}


@settings(max_examples=400, **QUIET)
@given(formulas.numbers())
def test_reach_holds_every_value(number):
    values, found = evaluate(number, everywhere(LIMIT)), reach(number, LIMIT)
    assert found.low <= np.min(values) and np.max(values) <= found.high


@settings(max_examples=600, **QUIET)
@given(formulas.conditions())
def test_narrow_changes_no_truth_within_the_limit(condition):
    env = everywhere(LIMIT)
    before, after = evaluate(condition, env), evaluate(narrow(condition, LIMIT), env)
    assert (np.broadcast_arrays(before, after)[0] == after).all()


@pytest.mark.parametrize(
    ("condition", "narrowed"),
    [
        ("k <= q and q - k < 3000000000", "k <= q"),
        ("q - k < 2147483646", "q - k < 2147483646"),
        ("q - k < 2147483647", "true"),
        ("k == q + 3000000000 or k < 4", "k < 4"),
        ("not q < -2000000000", "true"),
        ("0 <= len", "true"),
        ("doc[q] < 3000000000", "doc[q] < 3000000000"),
        ("limit < 3000000000", "limit < 3000000000"),
        ("count < 3000000000", "true"),
    ],
)
def test_narrow(condition, narrowed):
    floats = frozenset({"limit"})
    assert print_expr(narrow(parse_expression(condition), LONGEST, floats)) == narrowed


def wide_numbers() -> st.SearchStrategy[ast.Expr]:
    """Integer expressions whose constants reach 32 bits, products of names included."""
    leaf = st.one_of(
        st.sampled_from([ast.Name(n) for n in NAMES]),
        st.integers(0, 40).map(lambda bits: ast.Int(2**bits)),
    )
    arithmetic = st.sampled_from(["+", "-", "*"])
    inner = st.builds(ast.Binary, arithmetic, leaf, leaf)
    mixed = st.one_of(leaf, inner, st.builds(lambda a: ast.Call("abs", (a,)), inner))
    return st.builds(ast.Binary, arithmetic, mixed, mixed)


@settings(max_examples=400, **QUIET)
@given(wide_numbers())
def test_no_integer_overflows_within_the_exact_length(number):
    length = exact_length([number])
    assert length == 0 or (length & (length + 1) == 0 and length <= LONGEST)
    ends = [(-length, length), (-length, length), (0, length), (0, length)]
    for corner in product(*ends) if length else ():
        env = dict(zip(NAMES, map(np.int64, corner), strict=True))
        for node in fold.walk(number):
            assert -(2**31) <= evaluate(node, env) < 2**31


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("k <= q", 30),
        ("q - k", 30),
        ("2 * q", 30),
        ("4 * q", 29),
        ("abs(q - k) <= 100 * len", 24),
        ("(q - k) * (q - k)", 14),
        ("s - 0.5 * ((q - k) * (q - k))", 14),
        ("s - 0.5 * (q - k) * (q - k)", 30),
        ("(q - k) ^ 3", 30),
        ("s * slope[h] * (q - k) * (q - k)", 30),
        ("factor * (q - k) * (q - k)", 30),
        ("where(q < k, 1.0, s) * (q - k) * (q - k)", 30),
        ("where(s < 0, 1, q) * (q - k)", 15),
        ("q < 3000000000", 0),
    ],
)
def test_exact_length(text, bits):
    floats = frozenset({"s", "slope", "factor"})
    assert exact_length([parse_expression(text)], floats) == 2**bits - 1


def test_tables():
    source = """attn 1
attention a {
    input bias: float[h, d]
    mask full
    score s + bias[h, clamp(q - k, -8, 8) + 8] + bias[h, k mod 40]
}"""
    found = table_reach(load(source).bind(), 4, 4)
    assert (found["bias"].low, found["bias"].high) == (0, 39)


def test_unbounded():
    assert reach(parse_expression("q - k")).high == math.inf
    assert reach(parse_expression("0 * q")) == reach(ast.Int(0))
