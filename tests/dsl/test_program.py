"""Checked programs: types, what masks and scores may say, and binding."""

import pytest

from attnc.dsl import syntax as ast
from attnc.dsl.diagnostics import DiagnosticsError
from attnc.dsl.errors import (
    ConstantOverflow,
    DivisionByZero,
    MissingParameter,
    NegativeDivisor,
    UnknownParameter,
    WrongParameterType,
)
from attnc.dsl.loader import load

BODY = {
    "integers of every kind": "mask { q + len - qlen - 2 * k <= h and b < heads }",
    "floor arithmetic": "mask { (q - k) mod 4 == 0 or q div (2 + 2) == k div 4 }",
    "head counts": "mask causal when h < heads div 2 and h mod kv_heads == 0",
    "a list": "mask window(ws[h], 0) & { (q - k) mod ws[h] == 0 }",
    "a document": "input doc: int[token] mask causal & { doc[q] == doc[k] }",
    "a batch": "input doc: int[b, token] mask causal & { doc[b, q] == doc[b, k] }",
    "positions": "input pos: int[q] input at: int[k] mask { abs(pos[q] - at[k]) <= 3 }",
    "a run-time number": "input n: int mask causal | prefix(n) | { q - k <= n + 2 }",
    "flags of floats": "input keep: float[h, k] mask causal & { keep[h, k] > t }",
    "two floats": "input x: float[token] mask { x[q] >= x[k] != 2 }",
    "powers": "mask { exists i in 0..32 : 2^i <= q - k < 2^i + 4 * i }",
    "shared heads": "input slope: float[hkv] mask causal score s - slope[h] * (q - k)",
    "a bias": "input bias: float[b, h, q, k] grad mask causal score s + bias[b, h, q, k]",
    "a table": "input t5: float[h, d] mask causal score s + t5[h, clamp(q - k, -8, 8) + 8]",
    "a table by head": "input x: float[d] mask causal score s + x[h + abs(q - k) mod 7]",
    "a capped score": "mask causal score softcap(s, 50)",
    "real functions": "mask causal score where(q == k, s / 2, tanh(s) * 2^(-8 * (h + 1) / heads))",
    "a temperature": "input tau: float mask causal score s * log2(1 + q) / tau",
    "a batch of numbers": "input n: int[b] mask { k < n[b] }",
}


@pytest.mark.parametrize("name", BODY)
def test_accepted(name: str) -> None:
    body = BODY[name]
    given = [p for p, used in (("ws = [4, 8]", "ws["), ("t = 0.5", "> t")) if used in body]
    parameters = f"({', '.join(given)})" if given else ""
    program = load(f"attention a{parameters} {{ {body} }}\n")
    assert program.bind().mask is not None


def test_bound() -> None:
    text = """attention a(w = 4, r: int = w, ws = [1, 2]) {
        input doc: int[token]
        mask window(w, r) & { doc[q] == doc[k] }
        score s * ws[h]
        normalize softmax
        assert causal
        assert covers
    }"""
    program = load(text)
    bound = program.bind(w=8)
    assert bound.values == {"w": 8, "r": 8, "ws": (1, 2)}
    assert bound.name == "a" and bound.normalize == "softmax" and not bound.cross
    assert [a.kind for a in bound.asserts] == ["causal", "covers"]
    assert list(bound.inputs) == ["doc"]
    assert bound.score is not None
    assert [p.type for p in program.attention.parameters] == ["int", "int", "list"]
    assert "window" in program.masks


def test_every_mask_of_the_prelude() -> None:
    masks = load("attention a { mask full }\n").masks
    for name, mask in masks.items():
        given = ", ".join("0.5" if p.type == "float" else "2" for p in mask.parameters)
        load(f"attention a {{ mask {name}({given}) }}\n").bind()


def _bind(declared: str, **values: object) -> object:
    program = load(f"attention a({declared}) {{ mask causal score s * x }}\n")
    return program.bind(**values).values["x"]


def test_coercion() -> None:
    assert _bind("x = 1", x=3) == 3
    assert isinstance(_bind("x = 1.0", x=3), float)
    assert isinstance(_bind("x: float = 1"), float)
    text = "attention a(f = true) { mask causal when f }\n"
    assert load(text).bind(f=False).values == {"f": False}
    lists = load("attention a(x = [1, 0.5]) { mask causal score s * x[h] }\n")
    assert lists.bind(x=[1, 2]).values == {"x": (1.0, 2.0)}
    assert lists.bind().values == {"x": (1.0, 0.5)}


@pytest.mark.parametrize(
    ("declared", "value"),
    [("x = 1", True), ("x = 1", 1.0), ("x = 1", "1"), ("x = 1.0", False), ("x = 1", None),
     ("x = 1.0", "a"), ("x = 1", [1])],
)  # fmt: skip
def test_wrong_types(declared: str, value: object) -> None:
    with pytest.raises(DiagnosticsError) as caught:
        _bind(declared, x=value)
    assert isinstance(caught.value.diagnostics[0], WrongParameterType)


def test_all_mistakes_of_a_call_at_once() -> None:
    with pytest.raises(DiagnosticsError) as caught:
        _bind("x: int", y=3)
    kinds = {type(mistake) for mistake in caught.value.diagnostics}
    assert kinds == {UnknownParameter, MissingParameter}


@pytest.mark.parametrize(
    ("mask", "kind"),
    [
        ("blocks(w)", DivisionByZero),
        ("blocks(w - 1)", NegativeDivisor),
        ("dilated(4, d = w)", DivisionByZero),
        ("{ q mod (w * 2) == 0 }", DivisionByZero),
        ("{ exists i in 0..4 : q == k * i } & { q div w == 1 }", DivisionByZero),
        ("{ q == k * 2^(w - 1) }", ConstantOverflow),
    ],
)
def test_constants_without_meaning(mask: str, kind: type) -> None:
    program = load(f"attention a(w = 64) {{ mask causal & {mask} }}\n")
    with pytest.raises(DiagnosticsError) as caught:
        program.bind(w=0)
    assert {type(mistake) for mistake in caught.value.diagnostics} == {kind}


def test_lists_as_divisors() -> None:
    program = load("attention a(d = [1, 2]) { mask { q mod d[h] == 0 } | blocks(d[h]) }\n")
    program.bind(d=[3, 4])
    with pytest.raises(DiagnosticsError) as caught:
        program.bind(d=[3, 0])
    assert len(caught.value.diagnostics) == 2


def test_several_mistakes_are_told_in_order() -> None:
    text = "attention a {\n mask windw(1) | { q < foo }\n score s + bar[q]\n assert never\n}\n"
    with pytest.raises(DiagnosticsError) as caught:
        load(text)
    assert [mistake.span.line for mistake in caught.value.diagnostics] == [2, 2, 3, 4]


def test_masks_in_any_order() -> None:
    masks = "mask a(w) = b2(w, w)\nmask b2(l, r) = window(l, r)\n"
    program = load(masks + "attention x { mask a(3) }\n")
    assert isinstance(program.masks["a"].body, ast.SetCall)


def test_a_mask_in_a_formula() -> None:
    with pytest.raises(DiagnosticsError, match="`causal` is a mask"):
        load("attention a { mask { causal and q < 3 } }\n")
