"""What a kernel may conclude of a whole tile: never more than every pair of it says."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from attnc.compiler.intervals import MAYBE, bound, input_bounds, interval
from attnc.dsl import syntax as ast
from attnc.dsl.parser import parse_expression
from attnc.dsl.printer import print_expr
from tests.compiler import formulas
from tests.compiler.brute import evaluate

QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}
READS = {"len": ("doc", "q"), "qlen": ("doc", "k")}
ROWS = 24


def with_reads(node):
    """A formula whose lengths are replaced by reads of `doc` at the query and at the key."""
    match node:
        case ast.Name(id=name) if name in READS:
            base, axis = READS[name]
            return ast.Index(base, (ast.Name(axis),))
        case ast.Unary(op, operand):
            return ast.Unary(op, with_reads(operand))
        case ast.Binary(op, left, right):
            return ast.Binary(op, with_reads(left), with_reads(right))
        case ast.Compare(ops, operands):
            return ast.Compare(ops, tuple(map(with_reads, operands)))
        case ast.Call(name, arguments) if name != "at":
            return ast.Call(name, tuple(map(with_reads, arguments)))
        case _:
            return node


@st.composite
def tiles(draw) -> dict:
    """Rows of a tile and what `doc` holds: anything, few values, or sorted documents."""
    q_low, k_low = draw(st.integers(0, ROWS - 1)), draw(st.integers(0, ROWS - 1))
    q_high = draw(st.integers(q_low, min(ROWS - 1, q_low + 5)))
    k_high = draw(st.integers(k_low, min(ROWS - 1, k_low + 5)))
    values = st.one_of(st.integers(-9, 9), st.integers(0, 1))
    doc = np.array(draw(st.lists(values, min_size=ROWS, max_size=ROWS)))
    doc = np.sort(doc) if draw(st.booleans()) else doc
    return {"q": np.arange(q_low, q_high + 1), "k": np.arange(k_low, k_high + 1), "doc": doc}


def ends(tile: dict) -> dict:
    """What a kernel knows of a tile: the bounds of positions and of what is read at them."""
    found = {}
    for axis in ("q", "k"):
        rows = tile[axis]
        found |= {f"{axis}_low": rows.min(), f"{axis}_high": rows.max()}
        read = tile["doc"][rows]
        found |= {f"doc_{axis}_low": read.min(), f"doc_{axis}_high": read.max()}
    return found


def pairs(tile: dict) -> dict:
    return {"q": tile["q"][:, None], "k": tile["k"][None, :], "doc": tile["doc"]}


@settings(max_examples=600, **QUIET)
@given(formulas.conditions().map(with_reads), tiles(), st.integers(0, formulas.HEADS - 1))
def test_verdicts_are_sound(condition, tile, head):
    verdict, known = bound(condition), ends(tile) | {"h": head}
    holds = evaluate(condition, pairs(tile) | {"h": head})
    assert evaluate(verdict.possible, known) or not holds.any()
    assert not evaluate(verdict.certain, known) or holds.all()


@settings(max_examples=400, **QUIET)
@given(formulas.numbers().map(with_reads), tiles())
def test_intervals_hold_every_value(number, tile):
    found = interval(number)
    if found is None:
        return
    values, known = evaluate(number, pairs(tile)), ends(tile)
    assert evaluate(found.low, known) <= np.min(values)
    assert evaluate(found.high, known) >= np.max(values)


@pytest.mark.parametrize(
    ("condition", "possible", "certain"),
    [
        ("k <= q", "k_low <= q_high", "k_high <= q_low"),
        ("k != q", "not (k_low == q_high and k_high == q_low)",
         "not (k_low <= q_high and q_low <= k_high)"),
        ("doc[q] == doc[k]", "doc_q_low <= doc_k_high and doc_k_low <= doc_q_high",
         "doc_q_low == doc_k_high and doc_q_high == doc_k_low"),
        ("not k <= q", "not k_high <= q_low", "not k_low <= q_high"),
        ("true", "true", "true"),
        ("true or table[q mod 4] == 1", "true", "true"),
        ("table[q mod 4] == 1", "true", "false"),
        ("table[q mod 4] == 1 and k <= q", "k_low <= q_high", "false"),
        ("table[q mod 4] == 1 or k <= q", "true", "k_high <= q_low"),
    ],
)  # fmt: skip
def test_verdicts(condition, possible, certain):
    found = bound(parse_expression(condition))
    assert (print_expr(found.possible), print_expr(found.certain)) == (possible, certain)


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("doc[q]", "q"), ("x[h, k]", "k"), ("x[b, h, q]", "q"), ("bias[q, k]", None),
        ("slope[h]", None), ("t[q - k]", None), ("t[h, 3]", None),
    ],
)  # fmt: skip
def test_what_has_bounds(text, axis):
    read = parse_expression(text)
    assert isinstance(read, ast.Index)
    assert input_bounds(read.base, read.indices) == axis


def test_nothing_is_said_of_exists():
    assert bound(parse_expression("exists i in 0..9 : k == 3 * i")) == MAYBE
