"""Random masks, compiled and run: eight formulas to a kernel, one for each head.

`ATTNC_FORMULAS` sets how many are tried: 32 where it is unset, 512 under `CI`.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from torch import Tensor

import attnc
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex
from attnc.dsl.printer import print_expr
from tests.compiler import formulas
from tests.compiler.brute import Lengths, grid
from tests.runtime.tolerance import assert_close, random

pytestmark = pytest.mark.usefixtures("poisoned")

HEADS = 8
DIM = 8
ENTRIES = 4  # places of each call, one for each batch entry
FORMULAS = int(os.environ.get("ATTNC_FORMULAS", 512 if os.environ.get("CI") else 32))


@dataclass(frozen=True, slots=True)
class Place:
    """The lengths of one call, and where each of its entries starts and ends."""

    q_len: int
    k_len: int
    q_start: tuple[int, ...]
    k_start: tuple[int, ...]
    kv_len: tuple[int, ...]

    @property
    def entries(self) -> list[Lengths]:
        rows = zip(self.q_start, self.k_start, self.kv_len, strict=True)
        return [Lengths(q, k, self.q_len, n) for q, k, n in rows]


@st.composite
def places(draw: st.DrawFn, cropped: bool) -> Place:
    q_len, k_len = (draw(st.one_of(st.integers(1, 60), st.integers(1, 150))) for _ in "qk")
    first = st.integers(1, 12) if cropped else st.integers(-12, 0)
    each = {"min_size": ENTRIES, "max_size": ENTRIES}
    k_start = draw(st.lists(first, **each))
    q_start = draw(st.lists(st.integers(-9, 60), **each))
    kv_len = draw(st.lists(st.integers(0, k_len), **each))
    return Place(q_len, k_len, tuple(q_start), tuple(k_start), (k_len, *kv_len[1:]))


CALLS = st.booleans().flatmap(lambda c: st.lists(places(c), min_size=4, max_size=4))


def listed(expr: Any, lists: list[str]) -> Any:
    """The formula with its lists as parameters of one item per head; they are added to `lists`."""
    match expr:
        case ast.Call("at", (ast.List(items), _)):
            values = [items[h % len(items)].value for h in range(HEADS)]
            lists.append(f"a{len(lists)} = {values}")
            return ast.Index(f"a{len(lists) - 1}", (ast.Name("h"),))
        case tuple():
            return tuple(listed(part, lists) for part in expr)
        case _ if is_dataclass(expr) and isinstance(expr, ast.Expr):
            names = [f.name for f in fields(expr) if f.name != "span"]
            return replace(expr, **{n: listed(getattr(expr, n), lists) for n in names})
        case _:
            return expr


def source(conditions: dict[int, ast.Expr]) -> str:
    """A spec in which each head has its own formula."""
    lists: list[str] = []
    texts = {h: print_expr(listed(condition, lists)) for h, condition in conditions.items()}
    sets = "\n        | ".join(f"({{ {text} }} when h == {h})" for h, text in texts.items())
    parameters = f"({', '.join(lists)})" if lists else ""
    return f"attention random{parameters} {{\n    mask {sets}\n}}"


def pairs_of(conditions: dict[int, ast.Expr], n: Lengths) -> Tensor:
    """bool [H, Nq, Nk] by evaluation of every pair; heads without a formula see nothing."""
    found = np.zeros((HEADS, n.q_len, n.k_len), dtype=bool)
    for h, condition in conditions.items():
        if n.k_len:
            found[h] = grid(condition, n, h=np.asarray(h % formulas.HEADS))[0]
    return torch.from_numpy(found)


def dense(q: Tensor, k: Tensor, v: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs and lse in the dtype of the tensors."""
    scores = (q @ k.mT / DIM**0.5).masked_fill(~pairs, -torch.inf)
    return torch.softmax(scores, -1).nan_to_num(0.0) @ v, scores.logsumexp(-1)


def check(conditions: dict[int, ast.Expr], calls: list[Place]) -> None:
    """Compile one kernel and compare its results at all places."""
    op = attnc.compile(source(conditions))
    for place in calls:
        q = random(ENTRIES, HEADS, place.q_len, DIM, seed=1)
        k, v = (random(ENTRIES, HEADS, place.k_len, DIM, seed=seed) for seed in (2, 3))
        names = ("q_start", "k_start", "kv_len")
        keywords = {name: torch.tensor(getattr(place, name)) for name in names}
        out, lse = op(q, k, v, return_lse=True, **keywords)
        for entry, n in enumerate(place.entries):
            pairs = pairs_of(conditions, n)
            rows = q[entry], k[entry, :, : n.k_len], v[entry, :, : n.k_len]
            plain, exact = dense(*rows, pairs), dense(*(x.double() for x in rows), pairs)
            where = f"{n}\n{source(conditions)}"
            assert_close(out[entry], plain[0], exact[0], f"out of {where}")
            assert_close(lse[entry], plain[1], exact[1], f"lse of {where}")


def checked(conditions: dict[int, ast.Expr], calls: list[Place]) -> int:
    """How many of the formulas could be compiled: what is too complex together is split."""
    try:
        check(conditions, calls)
    except AnalysisTooComplex:
        heads = list(conditions)
        if len(heads) == 1:
            return 0
        halves = heads[: len(heads) // 2], heads[len(heads) // 2 :]
        return sum(checked({h: conditions[h] for h in half}, calls) for half in halves)
    return len(conditions)


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    tally: Counter[str] = Counter()
    yield tally
    assert tally["compiled"] >= 0.98 * tally["tried"], tally


@settings(
    max_examples=-(-FORMULAS // HEADS),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # no shrinking: the failing head and length name the formula
)
@given(st.lists(formulas.conditions(), min_size=HEADS, max_size=HEADS), CALLS)
def test_random_masks(tally: Counter[str], conditions: list[ast.Expr], calls: list[Place]) -> None:
    tally["tried"] += HEADS
    tally["compiled"] += checked(dict(enumerate(conditions)), calls)
