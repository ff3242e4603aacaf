"""Column sums: what each key gets, against the probabilities of a dense float64 softmax."""

from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.errors import NotBuiltForTarget, ShapeMismatch
from tests.runtime.tolerance import qkv

SPEC = """attention a(w = 20) {
    input slope: float[h]
    mask causal & (window(w) | sink(3))
    score s - slope[h] * (q - k)
}"""
ROUTED = """route r { keys blocks(8) summary mean choose top(2) within causal keep blocks(8) }
attention a { mask causal & r }"""


def exact(spec: Any, q: Tensor, k: Tensor, **keywords: Any) -> Tensor:
    """The sums by the oracle: with the identity for values, its outputs are the probabilities."""
    batch, kv_heads, keys = k.shape[:3]
    v = torch.eye(keys, dtype=q.dtype).expand(batch, kv_heads, keys, keys)
    return attnc.reference(spec)(q, k, v, **keywords).sum(2)


@pytest.mark.parametrize(
    ("queries", "where"),
    [
        (150, {}),
        (40, {}),
        (40, {"k_start": 7, "q_start": 90}),
        (150, {"kv_len": torch.tensor([150, 0], dtype=torch.int32)}),
    ],
)
def test_sums_are_those_of_the_oracle(queries: int, where: dict[str, Any]) -> None:
    q, k, v = (x.repeat(2, 1, 1, 1) for x in qkv(150, heads=4, kv_heads=2, dim=16))
    q, slope = q[:, :, -queries:], torch.rand(4)
    op = attnc.compile(SPEC)
    _, lse = op(q, k, v, return_lse=True, slope=slope, **where)
    found = attnc.column_sums(op, q, k, lse, slope=slope, **where)
    wanted = exact(SPEC, q, k, slope=slope, **where)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5)
    assert torch.equal(found, attnc.column_sums(op, q, k, lse, slope=slope, **where))


def test_sums_of_a_route_and_of_a_packed_call() -> None:
    q, k, v = qkv(70, heads=2, dim=16)
    op = attnc.compile(ROUTED)
    _, lse, lists = op(q, k, v, return_lse=True, return_routes=True)
    found = attnc.column_sums(op, q, k, lse, **lists)
    torch.testing.assert_close(found.double(), exact(ROUTED, q, k, **lists), rtol=1e-5, atol=1e-5)
    op, ends = attnc.compile("line/causal"), torch.tensor([0, 30, 70], dtype=torch.int32)
    packed = [x[0].transpose(0, 1) for x in (q, k, v)]
    _, lse = op(*packed, return_lse=True, cu_seqlens=ends)
    found = attnc.column_sums(op, *packed[:2], lse, cu_seqlens=ends)
    apart = [exact("line/causal", q[:, :, a:b], k[:, :, a:b])[0] for a, b in ((0, 30), (30, 70))]
    torch.testing.assert_close(found.double(), torch.cat(apart, 1), rtol=1e-5, atol=1e-5)


def test_what_has_no_sums_says_so() -> None:
    q, k, v = qkv(9, heads=2, dim=8)
    op = attnc.compile("line/causal")
    _, lse = op(q, k, v, return_lse=True)
    with pytest.raises(ShapeMismatch, match="lse"):
        attnc.column_sums(op, q, k, lse[:, :1])
    with pytest.raises(NotBuiltForTarget, match="several attentions"):
        attnc.column_sums(attnc.compile("route/cca"), q, k, lse)


@pytest.mark.parametrize("k_start", [0, torch.tensor([3, 9], dtype=torch.int32)])
def test_sums_of_blocks(k_start: Any) -> None:
    """Against the oracle's probabilities, queries fewer than keys, the last blocks short."""
    q, k, v = (x.repeat(2, 1, 1, 1) for x in qkv(90, heads=4, kv_heads=2, dim=16))
    q, slope = q[:, :, -40:], torch.rand(4)
    op = attnc.compile(SPEC)
    _, lse = op(q, k, v, return_lse=True, slope=slope, k_start=k_start)
    found = attnc.block_sums(op, q, k, lse, block=(16, 8), slope=slope, k_start=k_start)
    eye = torch.eye(90).expand(2, 2, 90, 90)
    exact = attnc.reference(SPEC)(q, k, eye, slope=slope, k_start=k_start)
    whole = torch.nn.functional.pad(exact, (0, 6, 0, 8))
    wanted = whole.unflatten(3, (12, 8)).unflatten(2, (3, 16)).sum((3, 5))
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5)


def test_sums_of_blocks_refuse_routes() -> None:
    q, k, _ = qkv(9, heads=2, dim=8)
    with pytest.raises(NotBuiltForTarget, match="block sums of a call with `r`"):
        attnc.block_sums(attnc.compile(ROUTED), q, k, q[..., 0])
