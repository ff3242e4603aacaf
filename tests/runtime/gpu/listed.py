"""Operators of a GPU target with run-time sets and routes, in Triton's interpreter.

A process of its own, because Triton reads TRITON_INTERPRET when it is imported. Prints a line for
each check; the routes to take are arguments.
"""

import math
import sys
from importlib import import_module
from typing import Any

import torch

import attnc
from attnc.runtime.gpu import launch
from attnc.runtime.gpu.configs import Config
from tests.interpreter import quicken
from tests.runtime.test_sets import CASES as SETS, TRAINED, entries
from tests.specs.test_composed import CASES as COMPOSED, operands
from tests.specs.test_routes import CASES as ROUTES

TARGET = "cuda:sm_90"
HEADS, KV_HEADS, N, DIM = 4, 2, 37, 16


def single(x: Any) -> Any:
    """Floats in float32."""
    return x.float() if isinstance(x, torch.Tensor) and x.is_floating_point() else x


def near(spec: str, rows: int, learns: bool = False, batch: int = 1, **given: Any) -> None:
    """Output and lse, and with `learns` gradients, are the oracle's for what the operator chose."""
    parameters = given.pop("parameters", {})
    shapes = (HEADS, KV_HEADS, KV_HEADS)
    x = [torch.randn(batch, h, rows, DIM, requires_grad=learns) for h in shapes]
    grid = {"grid": given.pop("grid")} if "grid" in given else {}
    op = attnc.compile(spec, target=TARGET, **parameters)
    out, lse, chosen = op(*x, return_lse=True, return_routes=True, **grid, **given)
    wide = [y.detach().double().requires_grad_(learns) for y in x]
    exact = attnc.reference(spec, **parameters)(*wide, return_lse=True, **grid, **given, **chosen)
    for found, wanted in ((out, exact[0]), (lse, exact[1])):
        torch.testing.assert_close(found.double(), wanted, atol=1e-5, rtol=0)
    if learns:
        mine = torch.autograd.grad(out.sin().sum(), x)
        right = torch.autograd.grad(exact[0].sin().sum(), wide)
        for found, wanted in zip(mine, right, strict=True):
            torch.testing.assert_close(found.double(), wanted, atol=2e-5, rtol=0)
    print("ok", spec[:40])


def routed(name: str) -> None:
    """A shipped route, its inputs as in the tests of the oracle."""
    module = import_module(f"tests.references.{name.replace('/', '.')}")
    grid = {"grid": module.GRID} if hasattr(module, "GRID") else {}
    rows = math.prod(module.GRID) if grid else 61
    for given in ROUTES[name][:1]:
        inputs = {}
        if hasattr(module, "inputs"):
            q, k = (torch.randn(h, rows, DIM, dtype=torch.float64) for h in (HEADS, KV_HEADS))
            inputs = module.inputs(q, k, **given)
            inputs = {n: single(x) for n, x in inputs.items()}
        near(name, rows, parameters=given, **grid, **inputs)


def composed(name: str) -> None:
    """A shipped spec of several attentions: its output is the oracle's."""
    given = COMPOSED[name][0]
    tensors, inputs = operands(name, given)
    narrow = {n: single(x) for n, x in inputs.items()}
    with torch.no_grad():
        found = attnc.compile(name, target=TARGET, **given)(*(x.float() for x in tensors), **narrow)
        wanted = attnc.reference(name, **given)(*tensors, **inputs)
    torch.testing.assert_close(found.double(), wanted, atol=1e-5, rtol=0)
    print("ok", name)


def main() -> None:
    torch.manual_seed(0)
    quicken()
    launch.first_guess = lambda gpu, sizes: Config(32, 16, 4)
    for name, (declared, shape, below) in SETS.items():
        spec, batch = f"attention a {{ input x: {declared} }}", 2 if shape[0] == 2 else 1
        near(spec, 67, name in TRAINED[:2], batch, x=entries(*shape, below=below))
    for name in sys.argv[1:]:
        (composed if name in COMPOSED else routed)(name)


if __name__ == "__main__":
    main()
