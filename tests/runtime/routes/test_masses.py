"""Routes that a branch scores: what they choose at a call, against the oracle."""

from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.branch import parts
from attnc.dsl.diagnostics import DiagnosticsError
from attnc.dsl.errors import ShapeMismatch
from attnc.dsl.loader import load
from attnc.runtime.calls.call import bind_call
from attnc.runtime.cpu.choices import best_keys
from attnc.runtime.routes import fused, fused_masses
from attnc.runtime.routes.select import select

HEADS, KV_HEADS, N, DIM = 4, 2, 61, 16
POOLED = "keys pooled(mean, size = 6, stride = 4) mask { k.end <= q }"


def spec(inputs: str = "", branch: str = POOLED, **clauses: str) -> str:
    """A spec whose route `r` is scored by the branch `far`."""
    said = {"keys": "blocks(8)", "choose": "top(3)", "within": "causal"} | clauses
    body = " ".join(f"{word.replace('_', ' ')} {text}" for word, text in said.items() if text)
    return (
        f"route r {{ {body} summary branch(far) }} attention a {{ {inputs}"
        f" branch far {{ {branch} }} branch near {{ mask causal & r }} merge softmax }}"
    )


def assert_as_defined(source: str, q_len: int = N, inputs: Any = None, **call: Any) -> None:
    generator = torch.Generator().manual_seed(3)
    shapes = ((HEADS, q_len), (KV_HEADS, N), (KV_HEADS, N))
    q, k, v = (torch.randn(2, *s, DIM, generator=generator, dtype=torch.float64) for s in shapes)
    inputs = inputs or {}
    _, wanted = attnc.reference(source)(q, k, v, return_routes=True, **call, **inputs)
    bound = next(one.bound for one in parts(load(source).bind()) if one.bound.routes)
    known: dict[str, Tensor] = {n: x for n, x in inputs.items() if n in bound.inputs}
    found = select(bound, bind_call(bound, q, k, v, inputs=known, **call), known, {})
    assert bool((wanted["r"] >= 0).any())
    torch.testing.assert_close(found["r"], wanted["r"], rtol=0, atol=0)


@pytest.mark.parametrize(
    "keys", ["blocks(8)", "blocks(16, 8)", "blocks(7, 5)", "blocks(3)", "token"]
)
def test_windows_that_overlap_units(keys: str) -> None:
    assert_as_defined(spec(keys=keys))
    assert_as_defined(spec(keys=keys), k_start=13)


@pytest.mark.parametrize("queries", ["token", "group"])
def test_the_kernel_takes_what_is_defined(queries: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Units that overlap, windows that straddle them, keys that were cropped away."""
    monkeypatch.setattr(fused, "FEWEST", 0)
    calls = []
    monkeypatch.setattr(fused_masses, "best_keys", lambda *x: calls.append(1) or best_keys(*x))
    source = spec(keys="blocks(16, 8)", queries=queries)
    assert_as_defined(source, 50, k_start=13, q_start=14)
    assert len(calls) == 2  # entries of the batch


def test_a_branch_that_was_computed_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel reads the log-sum-exp of the branch of the same call, of each entry its own."""
    monkeypatch.setattr(fused, "FEWEST", 0)
    monkeypatch.setattr(fused_masses, "Keywords", None)  # which a call of the branch would need
    generator = torch.Generator().manual_seed(3)
    heads = (HEADS, KV_HEADS, KV_HEADS)
    q, k, v = (torch.randn(2, h, N, DIM, generator=generator, dtype=torch.float64) for h in heads)
    found, wanted = (
        make(spec())(q, k, v, return_routes=True) for make in (attnc.compile, attnc.reference)
    )
    torch.testing.assert_close(found[1]["r"], wanted[1]["r"], rtol=0, atol=0)
    torch.testing.assert_close(found[0], wanted[0])


@pytest.mark.parametrize("queries", ["token", "blocks(16)", "group", "group(8)", "head", "call"])
def test_choosers(queries: str) -> None:
    source = spec(queries=queries, within="", within_any="causal")
    assert_as_defined(source)
    assert_as_defined(source, 30, k_start=9, kv_len=torch.tensor([61, 40], dtype=torch.int32))


@pytest.mark.parametrize("choose", ["top_p(0.5)", "above(0.2)", "bottom(2)"])
def test_scores_are_probabilities(choose: str) -> None:
    assert_as_defined(spec(choose=choose, queries="group"))


def test_branches_of_tokens_with_a_score_of_their_own() -> None:
    branch = "mask causal & (window(20, 0) when h < 2) | sink(2) score s * 2 - x[h, k]"
    x = torch.randn(HEADS, N, generator=torch.Generator().manual_seed(4))
    assert_as_defined(spec("input x: float[h, token]", branch), inputs={"x": x})


def test_clusters() -> None:
    label = torch.randint(-1, 6, (2, HEADS, N), generator=torch.Generator().manual_seed(5)).int()
    clauses = {"keys": "cluster(label)", "queries": "head", "within": "", "choose": "top(2)"}
    assert_as_defined(spec("input label: int[h, token]", **clauses), inputs={"label": label})


def test_a_memory_reaches_past_the_tokens() -> None:
    x = torch.randn(2, KV_HEADS, 20, DIM, generator=torch.Generator().manual_seed(6)).double()
    declared = "input x: float[hkv, unit, d]"
    branch = "keys memory(x, x, size = 4) mask { k.end <= q or k == 19 }"
    assert_as_defined(spec(declared, branch), inputs={"x": x})
    label = torch.randint(0, 9, (N,), generator=torch.Generator().manual_seed(7)).int()
    clauses = {"keys": "cluster(label)", "queries": "head", "within": ""}
    source = spec(f"{declared} input label: int[token]", branch, **clauses)
    assert_as_defined(source, inputs={"x": x, "label": label})


def test_a_memory_that_does_not_fit() -> None:
    q, x = torch.randn(1, HEADS, 9, DIM), torch.randn(HEADS, 5, 8)
    source = spec("input x: float[hkv, unit, d]", "keys memory(x, x) mask { k.end <= q }")
    with pytest.raises(ShapeMismatch, match="16 columns"):
        attnc.compile(source)(q, q, q, x=x)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (spec(keys="diagonals", within=""), "a diagonal has no keys"),
        (spec("input x: float[h, q, d]", queries="token(by = x)"), "the queries of its branch"),
        (spec(branch="mask causal & r"), "scores units, and `r` is a route"),
    ],
)
def test_what_has_no_meaning(source: str, words: str) -> None:
    with pytest.raises(DiagnosticsError, match=words):
        load(source)
