"""Branches, merges and `output`: the operator against the oracle, forward and backward."""

from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.errors import GradientNotDeclared, InvalidValue, SeveralMasks, ShapeMismatch
from attnc.dsl.loader import load
from attnc.runtime.eager import eager
from tests.runtime.tolerance import qkv

SPEC = """attention a(w = 8, size = 4) {{
    {gate}
    input g: float[q] grad
    branch compressed {{
        keys pooled({kind}, size = size, stride = 2)
        mask {{ k.end <= q }}
        score s * 1.5 - 0.01 * (q - k.end)
    }}
    branch local {{ mask causal & window(w, 0)  score s * 2 }}
    {merge}
    output o * sigmoid(g[q]) + 0.1
}}
"""
SUM = SPEC.format(
    gate="input gate: float[b, q, h, branch] grad", kind="max", merge="merge sum(gate)"
)
SOFTMAX = SPEC.format(gate="", kind="mean", merge="merge softmax")
CALLS: list[tuple[int, int, dict[str, Any]]] = [
    (37, 37, {}),
    (1, 37, {}),
    (7, 30, {"k_start": 3}),
    (3, 3, {}),
    (20, 33, {"kv_len": torch.tensor([33, 17], dtype=torch.int32)}),
]


def operands(queries: int, keys: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(queries)
    shapes = {"q": (2, 4, queries, 16), "k": (2, 2, keys, 16), "v": (2, 2, keys, 16)}
    shapes |= {"g": (queries,), "gate": (2, queries, 4, 2)}  # type: ignore[dict-item]
    return {
        n: torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_()
        for n, s in shapes.items()
    }


@pytest.fixture(scope="module", params=[SUM, SOFTMAX], ids=["sum", "softmax"])
def kinds(request: pytest.FixtureRequest) -> tuple[Any, Any, bool]:
    source = request.param
    return attnc.compile(source), attnc.reference(source), source is SOFTMAX


@pytest.mark.parametrize(("queries", "keys", "keywords"), CALLS, ids=str)
def test_against_the_oracle(
    kinds: tuple[Any, Any, bool], queries: int, keys: int, keywords: dict[str, Any]
) -> None:
    operator, oracle, with_lse = kinds
    tensors = operands(queries, keys)
    if with_lse:
        del tensors["gate"]
    if "kv_len" in keywords:  # what lies beyond is never read
        for name in ("k", "v"):
            tensors[name] = tensors[name].detach().clone()
            tensors[name][1, :, 17:] = torch.nan
            tensors[name].requires_grad_()
    results = []
    for attention in (operator, oracle):
        found = attention(**tensors, return_lse=with_lse, **keywords)
        out, lse = found if with_lse else (found, torch.zeros(1))
        loss = out.square().sum() + lse.masked_fill(lse.isinf(), 0.0).sin().sum()
        results.append((out, lse, *torch.autograd.grad(loss, list(tensors.values()))))
    for mine, right in zip(*results, strict=True):
        torch.testing.assert_close(mine, right.to(mine.dtype), rtol=1e-8, atol=1e-8)


@torch.no_grad()
def test_gates_without_gradients_change_no_operand() -> None:
    """The sum lies where the first output was; what the caller has stays as it is."""
    tensors = {n: x.detach() for n, x in operands(37, 37).items()}
    before = {n: x.clone() for n, x in tensors.items()}
    operator, oracle = attnc.compile(SUM), attnc.reference(SUM)
    for _ in range(2):
        torch.testing.assert_close(operator(**tensors), oracle(**tensors), rtol=1e-8, atol=1e-8)
    assert all(torch.equal(x, before[n]) for n, x in tensors.items())


def test_layouts_agree(kinds: tuple[Any, Any, bool]) -> None:
    operator, _, with_lse = kinds
    tensors = operands(12, 12)
    if with_lse:
        del tensors["gate"]
    out = operator(**tensors)
    swapped = {n: tensors[n].transpose(1, 2) for n in ("q", "k", "v")}
    source = SOFTMAX if with_lse else SUM
    other = attnc.compile(source, layout="bshd")(**{**tensors, **swapped})
    torch.testing.assert_close(other.transpose(1, 2), out)


def test_packed_sequences_are_calls_of_their_own() -> None:
    spec = "attention a { branch x { mask causal & window(3, 0) }"
    spec += " branch y { mask sink(2) & causal } merge softmax output o * 2 - q }"
    q, k, v = (torch.randn(21, h, 16, dtype=torch.float64) for h in (4, 2, 2))
    ends = torch.tensor([0, 8, 21], dtype=torch.int32)
    for attention in (attnc.compile(spec), attnc.reference(spec)):
        packed, lse = attention(q, k, v, cu_seqlens=ends, return_lse=True)
        for a, b in ((0, 8), (8, 21)):
            alone = [x[a:b].transpose(0, 1)[None] for x in (q, k, v)]
            out, own = attention(*alone, return_lse=True)
            torch.testing.assert_close(packed[a:b], out[0].transpose(0, 1))
            torch.testing.assert_close(lse[:, a:b], own[0])


def test_partial_results_make_the_whole() -> None:
    q, k, v = (torch.randn(1, 2, 30, 16, dtype=torch.float64, requires_grad=True) for _ in "qkv")
    near, far = "attention n { mask causal & window(5, 0) }", "attention f { mask { k < q - 5 } }"
    parts = [attnc.compile(spec)(q, k, v, return_lse=True) for spec in (near, far)]
    out, lse = attnc.merge_partials(*zip(*parts, strict=True))
    whole, exact = attnc.reference("line/causal")(q, k, v, return_lse=True)
    torch.testing.assert_close(out, whole)
    torch.testing.assert_close(lse, exact)
    grads = [
        torch.autograd.grad(a.sin().sum() + b.sum(), (q, k, v))
        for a, b in ((out, lse), (whole, exact))
    ]
    for mine, right in zip(*grads, strict=True):
        torch.testing.assert_close(mine, right)
    with pytest.raises(InvalidValue):
        attnc.merge_partials([out], [])


def test_wrong_calls_are_told() -> None:
    operator = attnc.compile(SUM)
    tensors = operands(5, 5)
    with pytest.raises(InvalidValue, match="return_lse"):
        operator(**tensors, return_lse=True)
    with pytest.raises(ShapeMismatch, match="branch"):
        operator(**{**tensors, "gate": torch.ones(2, 5, 4, 3)})
    packed = {n: tensors[n][0].transpose(0, 1) for n in ("q", "k", "v")}
    ends = torch.tensor([0, 5], dtype=torch.int32)
    with pytest.raises(InvalidValue, match="pooled"):
        operator(**packed, g=tensors["g"], gate=tensors["gate"][:1], cu_seqlens=ends)
    with pytest.raises(SeveralMasks):
        attnc.analyze(SUM, seq=64)
    with pytest.raises(SeveralMasks):
        attnc.mask(SUM, seq=64)
    plain = SUM.replace("branch] grad", "branch]")
    with pytest.raises(GradientNotDeclared):
        attnc.compile(plain)(**tensors)


def test_plain_torch_takes_a_score_that_reads_no_product() -> None:
    """A score of the query alone, as a memory has (Re-ttention): all keys count the same."""
    bound = load("attention a { input mass: float[h, q]  mask full  score mass[h, q] }").bind()
    q, k, v = qkv(9, heads=2, dim=4)
    out, lse = eager(bound, q, k, v, {"mass": torch.zeros(2, 9)})
    torch.testing.assert_close(out, v.mean(2, keepdim=True).expand_as(out))
    torch.testing.assert_close(lse, torch.full_like(lse, 9.0).log())
