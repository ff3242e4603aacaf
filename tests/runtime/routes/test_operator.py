"""Routed operators as PyTorch sees them, in whole graphs and in 16 bits."""

import pytest
import torch

import attnc
from attnc.dsl.errors import AttnError
from tests.runtime.tolerance import qkv

SPEC = """
route r { keys blocks(8) summary mean choose top(2) within causal keep blocks(8) }
attention a { mask causal & r }
"""


def test_one_graph_with_the_choice_in_it() -> None:
    """The same outputs and gradients as the call itself."""
    op = attnc.compile(SPEC)
    q, k, v = (x.requires_grad_() for x in qkv(100, heads=2, dim=16))
    compiled = torch.compile(lambda *x: 2 * op(*x), fullgraph=True, backend="aot_eager")
    ours, wanted = compiled(q, k, v), 2 * op(q, k, v)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=0)
    grads = [torch.autograd.grad(out.sum(), (q, k, v)) for out in (ours, wanted)]
    for x, y in zip(*grads, strict=True):
        torch.testing.assert_close(x, y, rtol=0, atol=0)


def test_branches_are_one_graph() -> None:
    """Branches, their routes and their gate: nothing of the spec is looked up while tracing."""
    op = attnc.compile("route/nsa", w=16, n=2)
    q, k, v = (x.requires_grad_() for x in qkv(100, heads=2, dim=16))
    gate = torch.rand(1, 100, 2, 3, requires_grad=True)
    compiled = torch.compile(
        lambda q, k, v, gate: op(q, k, v, gate=gate), fullgraph=True, backend="aot_eager"
    )
    pairs = []
    for call in (compiled, lambda *x: op(*x[:3], gate=x[3])):
        out = call(q, k, v, gate)
        pairs.append((out, *torch.autograd.grad(out.square().sum(), (q, k, v, gate))))
    for x, y in zip(*pairs, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-6, atol=1e-6)


def test_bfloat16() -> None:
    q, k, v = (x.bfloat16() for x in qkv(100, heads=2, dim=16))
    out, lists = attnc.compile(SPEC)(q, k, v, return_routes=True)
    wanted = attnc.reference(SPEC)(q, k, v, **lists)
    torch.testing.assert_close(out.double(), wanted, rtol=2e-2, atol=2e-2)


def test_dropout_is_no_argument() -> None:
    with pytest.raises(AttnError, match="unknown argument `dropout`"):
        attnc.compile(SPEC)(*qkv(9), dropout=0.1)
