"""The JavaScript of a page evaluates the same pairs as the oracle."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings, strategies as st
from py_mini_racer import JSEvalException

from attnc.codegen.javascript.pattern import print_pattern
from attnc.compiler.fold import walk
from attnc.dsl import syntax as ast
from attnc.dsl.loader import load
from attnc.dsl.print_nodes import print_expression
from attnc.runtime.oracle import mask
from attnc.runtime.trials import Trial, random_inputs
from tests.compiler.formulas import conditions
from tests.references import PARAMETERS, inputs
from tests.references.grid import CASES
from tests.view.conftest import Pairs

HEADS = 3
GRIDS = [(name, *case) for name, cases in CASES.items() for case in cases]


def wanted(spec: str, heads: int, **given: Any) -> Pairs:
    found = mask(spec, heads=heads, **given).numpy()
    return np.broadcast_to(found, (heads, *found.shape[1:]))


@pytest.mark.parametrize("name", PARAMETERS)
def test_sequences(name: str, pairs: Callable[..., Pairs]) -> None:
    program = load(name)
    for chosen in (*PARAMETERS[name], {}):
        bound = program.bind(**chosen)
        heads = bound.listed_heads or HEADS
        drawn = inputs(name, heads, 50, **bound.values)
        found = pairs(bound, (50,), heads, **drawn)
        np.testing.assert_array_equal(found, wanted(name, heads, seq=50, **chosen, **drawn))


@pytest.mark.parametrize(("name", "grid", "given"), GRIDS, ids=str)
def test_grids(
    name: str, grid: tuple[int, ...], given: dict[str, Any], pairs: Callable[..., Pairs]
) -> None:
    program = load(name)
    drawn = {n: x for n, x in given.items() if n in program.inputs}
    bound = program.bind(**{n: x for n, x in given.items() if n not in drawn})
    found = pairs(bound, grid, 2, **drawn)
    np.testing.assert_array_equal(found, wanted(name, 2, grid=grid, **given))


SPECS = {
    "lists": "attention a(ws = [1, 4, 9]) { mask window(ws[h], 0) }",
    "defaults": "mask m(l, r = l + 1, go = true) = { go and -l <= k - q <= r }\n"
    "attention a(w = 3) { mask m(w, go = false) | m(l = w) - ~m(1, 2) }",
    "words": "mask new(of) = { k < of }\nattention a(default = 5) { mask new(default) }",
    "exists": "attention a(n=4) { mask { exists i in 1..n : exists j in 0..2 : q - i == k + j } }",
    "powers": "attention a(w = 2) { mask causal & powers(w) }",
    "functions": "attention a { mask { abs(q - k) <= max(q div 3, min(k mod 5, -q mod 4)) } }",
    "floats": "attention a(x = 0.1) { input e: float[token]  mask { e[q] < x or e[k] >= 0.3 } }",
    "table": "attention a { input bits: int[h, d]  mask { bits[h, clamp(q - k, 0, 7)] == 1 } }",
    "number": "attention a { input n: int  mask { q < k + n } }",
    "pages": "attention a { input n: set[h, q]  mask causal & { k div 8 in n[h, q div 4] } }",
    "counts": "attention a { mask { k mod heads == h } when qlen > 3 }",
}


@pytest.mark.parametrize("name", SPECS)
def test_language(name: str, pairs: Callable[..., Pairs]) -> None:
    bound = load(text := SPECS[name] + "\n").bind()
    trial = Trial("view", 30, 30, heads=HEADS, kv_heads=HEADS)
    drawn = random_inputs(bound, trial, torch.Generator().manual_seed(1))
    found = pairs(bound, (30,), HEADS, **drawn)
    np.testing.assert_array_equal(found, wanted(text, HEADS, seq=30, **drawn))


BESIDE = """grid y: Y, x: X
segment cls: 2 before
segment text: L after
mask near(one, other) = { abs(one - other) <= 1 }
attention beside {
    mask near(q.y, k.y) & { q.x != k.x } | ~(full on x) & { q in cls or k.x < L - 3 }
        | (window(1) on x) & { q >= k } | { k in text and draw(3, 5, q.y) == 1 }
}
"""


def test_tokens_beside_a_grid(pairs: Callable[..., Pairs]) -> None:
    found = pairs(load(BESIDE).bind(), (3, 4), 1, text=5)
    np.testing.assert_array_equal(found, wanted(BESIDE, 1, grid=(3, 4), text=5))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_random_formulas(data: st.DataObject, pairs: Callable[..., Pairs]) -> None:
    condition = data.draw(conditions(1))
    assume(not any(isinstance(node, ast.List) for node in walk(condition)))
    text = f"attention a {{ mask {{ {print_expression(condition)} }} }}"
    found = pairs(load(text).bind(), (17,), HEADS)
    np.testing.assert_array_equal(found, wanted(text, HEADS, seq=17))


def test_golden(golden: Callable[[Path, str], None]) -> None:
    """The text that a page holds, for one spec."""
    path = Path(__file__).parents[1] / "golden" / "javascript" / "longformer.js"
    golden(path, print_pattern(load("line/longformer").bind()))


def test_division_by_zero_is_an_error(pairs: Callable[..., Pairs]) -> None:
    bound = load("line/longlora").bind()
    bound.values["g"] = 0  # type: ignore[index]
    with pytest.raises(JSEvalException, match="a division by 0"):
        pairs(bound, (8,), HEADS)
