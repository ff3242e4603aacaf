"""Shipped routes: the oracle's pairs are those of the papers, the operator's choices its own."""

from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.loader import shipped_routes

HEADS, KV_HEADS, N, DIM = 4, 2, 61, 16

CASES: dict[str, tuple[dict[str, Any], ...]] = {
    "route/moba": ({"n": 2, "block": 8}, {"n": 1, "block": 5}, {"n": 9, "block": 64}),
}


def operands(name: str) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(len(name))
    shapes = ((HEADS, N), (KV_HEADS, N), (KV_HEADS, N))
    q, k, v = (torch.randn(1, *s, DIM, generator=generator, dtype=torch.float64) for s in shapes)
    return q, k, v


def test_every_route_has_a_reference() -> None:
    assert sorted(CASES) == sorted(shipped_routes())


@pytest.mark.parametrize("name", sorted(CASES))
def test_pairs(name: str) -> None:
    q, k, _ = operands(name)
    module = import_module(f"tests.references.{name.replace('/', '.')}")
    for given in CASES[name]:
        inputs = module.inputs(q[0], k[0], **given) if hasattr(module, "inputs") else {}
        found = attnc.mask(name, q=q, k=k, **given, **inputs)[0]
        wanted = module.pairs(q[0], k[0].repeat_interleave(HEADS // KV_HEADS, 0), **given, **inputs)
        torch.testing.assert_close(found, wanted, rtol=0, atol=0)


@pytest.mark.parametrize("name", sorted(CASES))
def test_operator(name: str) -> None:
    tensors = operands(name)
    given = CASES[name][0]
    module = import_module(f"tests.references.{name.replace('/', '.')}")
    q, k, _ = tensors
    inputs = module.inputs(q[0], k[0], **given) if hasattr(module, "inputs") else {}
    out, lse, chosen = attnc.compile(name, **given)(
        *tensors, return_lse=True, return_routes=True, **inputs
    )
    exact = attnc.reference(name, **given)(*tensors, return_lse=True, return_routes=True, **inputs)
    torch.testing.assert_close(out, exact[0], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(lse, exact[1], rtol=1e-9, atol=1e-9)
    assert {n: sorted(x[x >= 0].tolist()) for n, x in chosen.items()} == {
        n: sorted(x[x >= 0].tolist()) for n, x in exact[2].items()
    }
