"""Shipped specs of several steps: oracle and operator against the papers' definitions."""

from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.loader import load, shipped_composed

HEADS, KV_HEADS, N, DIM = 4, 2, 45, 16
CASES: dict[str, tuple[dict[str, Any], ...]] = {
    "route/cca": ({"group": 4, "w": 7}, {"group": 50, "w": 1}),
    "route/combiner": ({"block": 8}, {"block": 64}),
    "route/flashblock": ({"block": 8}, {"block": 1}),
    "route/hcam": ({"chunk": 7},),
    "route/hyper": ({},),
    "route/nsa": (
        {"n": 2, "block": 6, "size": 6, "stride": 3, "w": 7},
        {"n": 1, "block": 8, "size": 2, "stride": 2, "w": 50},
    ),
    "route/psa": ({"block": 8},),
    "route/rettention": ({"w": 6},),
    "score/gated": ({},),
}


def operands(name: str, given: dict[str, Any]) -> tuple[list[Tensor], dict[str, Any]]:
    """q, k, v and the inputs; those that the spec trains require a gradient."""
    generator = torch.Generator().manual_seed(len(name))
    shapes = ((HEADS, N), (KV_HEADS, N), (KV_HEADS, N))
    tensors = [torch.randn(1, *s, DIM, generator=generator, dtype=torch.float64) for s in shapes]
    module = import_module(f"tests.references.{name.replace('/', '.')}")
    if hasattr(module, "inputs"):
        inputs = module.inputs(*(x[0] for x in tensors), **given)
        for declared in load(name).inputs.values():
            x = inputs[declared.name]
            x = x[None] if "b" in declared.axes else x
            inputs[declared.name] = x.requires_grad_() if declared.grad else x
        return [x.requires_grad_() for x in tensors], inputs
    shape = {"score/gated": (1, N, HEADS), "route/nsa": (1, N, HEADS, 3)}.get(name, ())
    gates = torch.randn(shape, generator=generator, dtype=torch.float64)
    inputs = {"gate": gates} if shape else {}
    return [x.requires_grad_() for x in tensors], {n: x.requires_grad_() for n, x in inputs.items()}


def wanted(name: str, tensors: list[Tensor], inputs: dict[str, Any], given: Any) -> Tensor:
    """The reference of all heads or of each, [1, H, N, Dv]."""
    module = import_module(f"tests.references.{name.replace('/', '.')}")
    if hasattr(module, "heads"):
        declared = load(name).inputs
        own = {n: x[0] if "b" in declared[n].axes else x for n, x in inputs.items()}
        return module.heads(*(x[0] for x in tensors), **given, **own)[None]
    q, k, v = (x[0].repeat_interleave(HEADS // x.shape[1], 0) for x in tensors)
    heads = [
        module.attention(q[h], k[h], v[h], **given, **{n: x[0, :, h] for n, x in inputs.items()})
        for h in range(HEADS)
    ]
    return torch.stack(heads)[None]


def test_every_spec_has_a_reference() -> None:
    assert sorted(CASES) == sorted(shipped_composed())


@pytest.mark.parametrize("name", sorted(CASES))
def test_outputs_and_gradients(name: str) -> None:
    for given in CASES[name]:
        tensors, inputs = operands(name, given)
        exact = wanted(name, tensors, inputs, given)
        trained = (n for n, declared in load(name).inputs.items() if declared.grad)
        leaves = [*tensors, *(inputs[n] for n in trained)]
        slopes = torch.autograd.grad(exact.sin().sum(), leaves)
        for kind in (attnc.reference, attnc.compile)[: 2 if given == CASES[name][0] else 1]:
            out = kind(name, **given)(*tensors, **inputs)
            torch.testing.assert_close(out, exact, rtol=1e-9, atol=1e-9)
            found = torch.autograd.grad(out.sin().sum(), leaves)
            for mine, right in zip(found, slopes, strict=True):
                torch.testing.assert_close(mine, right, rtol=1e-8, atol=1e-9)


def test_choices_are_results_and_arguments() -> None:
    given = CASES["route/nsa"][0]
    tensors, inputs = operands("route/nsa", given)
    operator = attnc.compile("route/nsa", **given)
    out, chosen = operator(*tensors, return_routes=True, **inputs)
    _, exact = attnc.reference("route/nsa", **given)(*tensors, return_routes=True, **inputs)
    torch.testing.assert_close(chosen, exact, rtol=0, atol=0)
    torch.testing.assert_close(operator(*tensors, **inputs, **chosen), out, rtol=0, atol=0)
    none = {"picked": torch.full_like(chosen["picked"], -1)}
    assert not torch.allclose(operator(*tensors, **inputs, **none), out)
