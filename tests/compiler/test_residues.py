"""Residue classes: which patterns fall into them, and that the classes give back the pattern."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from attnc.compiler.relation import relation
from attnc.compiler.residues import classes
from attnc.dsl.parser import parse_expression
from tests.compiler.brute import evaluate


def neighborhood(w: int, d: int) -> str:
    start = f"clamp(q div {d} - {w // 2}, 0, (len - 1 - q mod {d}) div {d} + 1 - {w})"
    return f"(q - k) mod {d} == 0 and {start} <= k div {d} < {start} + {w}"


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("abs(q - k) <= 124 and (q - k) mod 4 == 0", 4),
        ("k <= q and (q - k) mod 64 == 0", 64),
        ("k mod 4 == q mod 4 and k <= q", 4),
        (neighborhood(7, 3), 3),
        (neighborhood(4, 5), 5),
    ],
)
@settings(max_examples=25, deadline=None)
@given(length=st.integers(1, 70))
def test_a_class_has_the_pattern(text, step, length):
    condition = parse_expression(text)
    found = classes(relation(condition))
    assert found is not None and found.step == step
    q, k = np.arange(length)[:, None], np.arange(length)[None, :]
    wanted = evaluate(condition, {"q": q, "k": k, "len": length}) & np.ones((length, length), bool)
    seen = np.zeros((length, length), bool)
    for residue in range(step):
        rows = np.arange(residue, length, step)
        at = np.arange(len(rows))
        env = {"q": at[:, None], "k": at[None, :], "len": len(rows)}
        seen[np.ix_(rows, rows)] = evaluate(found.condition, env)
    assert (seen == wanted).all()


@pytest.mark.parametrize(
    "text",
    [
        "k <= q",
        "k <= q and ((q - k) mod 64 == 0 or q - k < 64)",
        "k mod 4 == 0 and k <= q",
        "(q - k) mod 6 == 0 and k <= q and q mod 6 < 3",
        "(q - k) mod 4 == 0 and k < 10",
        "(q - k) mod 4 == 0 and k + qlen < q",
    ],
)
def test_no_classes(text):
    assert classes(relation(parse_expression(text))) is None
