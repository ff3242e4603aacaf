"""Shipped routes: the oracle's pairs are those of the papers, the operator's choices its own."""

import math
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.loader import load, shipped_routes

HEADS, KV_HEADS, N, DIM = 4, 2, 61, 16

CASES: dict[str, tuple[dict[str, Any], ...]] = {
    "route/casp": ({"n": 3},),
    "route/dare": ({"n": 5},),
    "route/dhsa": ({"n": 2, "block": 8, "w": 4},),
    "route/dma": ({"w": 7},),
    "route/flexprefill": ({"p": 0.5, "block": 8, "last": 8},),
    "route/flux": ({"sinks": 2, "w": 5}, {"sinks": 2, "w": 6}),
    "route/hax": ({"n": 4},),
    "route/hip": ({"n": 2, "block": 4, "sinks": 2, "w": 5},),
    "route/infllm": ({"n": 2, "block": 5, "chunk": 10, "sinks": 3, "w": 9},),
    "route/infllm_v2": (
        {"n": 2, "block": 8, "sinks": 3, "w": 9, "dense": 20},
        {"n": 2, "block": 8, "sinks": 3, "w": 9, "dense": 100},
    ),
    "route/landmark": ({"n": 2, "block": 6},),
    "route/longheads": ({"n": 2, "chunk": 6},),
    "route/lserve": ({"n": 3, "page": 4, "sinks": 2, "w": 5},),
    "route/match_window": ({"r": 1},),
    "route/minference": (
        {"kinds": [0, 1, 2, 1], "n": 2, "block": 8, "lines": 4, "last": 8, "sinks": 2, "w": 5},
    ),
    "route/mminference": (
        {"kinds": [0, 1, 2, 1], "n": 2, "block": 8, "lines": 4, "last": 8, "sinks": 2},
    ),
    "route/moba": ({"n": 2, "block": 8}, {"n": 1, "block": 5}, {"n": 9, "block": 64}),
    "route/nosa": ({"n": 1, "m": 2, "block": 6, "sinks": 2, "w": 5},),
    "route/reformer": ({},),
    "route/rekv": ({"n": 3, "frame": 7},),
    "route/routing_transformer": ({"w": 4},),
    "route/rtpurbo": ({"p": 0.5, "w": 3},),
    "route/scout": ({"size": 8},),
    "route/seer": ({"n": 2, "block": 8},),
    "route/squeezed": ({"coarse": 0.2, "fine": 0.1, "w": 3},),
    "route/tca": ({"budgets": [3, 9, 1, 30], "sinks": 2, "w": 4},),
    "route/token_sparse": ({"w": 5},),
    "route/varied_window": ({},),
    "route/vmoba_1d": ({"p": 0.4, "frames": 2}, {"p": 0.3, "frames": 3}),
    "route/vmoba_2d": ({"p": 0.4, "rows": 2, "columns": 3},),
    "route/vmoba_3d": ({"p": 0.4, "frames": 2, "rows": 2, "columns": 2},),
}


# one for each kind of unit and of chooser; `attnc verify` takes any of them
COMPILED = ["route/dma", "route/hip", "route/minference", "route/moba", "route/squeezed"]


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
    lengths: dict[str, Any] = {} if load(name).routes else {"seq": N, "heads": HEADS}
    if hasattr(module, "GRID"):
        q, k = (x[:, :, : math.prod(module.GRID)] for x in (q, k))
        lengths = {"grid": module.GRID, "heads": HEADS}
    for given in CASES[name]:
        inputs = module.inputs(q[0], k[0], **given) if hasattr(module, "inputs") else {}
        found = attnc.mask(name, q=q, k=k, **lengths, **given, **inputs)
        found = found[0] if found.dim() == 4 else found
        wanted = module.pairs(q[0], k[0].repeat_interleave(HEADS // KV_HEADS, 0), **given, **inputs)
        torch.testing.assert_close(found.expand(wanted.shape), wanted, rtol=0, atol=0)


@pytest.mark.parametrize("name", COMPILED)
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
