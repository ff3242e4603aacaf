"""Gradients of kernels that read bfloat16 and float16 themselves, against the oracle's."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.codegen.tvm.machine import AMX, AVX2, AVX512_BF16, GENERIC, Machine
from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime.calls.call import bind_call
from attnc.runtime.cpu import backward, build, kernels
from attnc.runtime.cpu.cpus import host_machine
from attnc.runtime.cpu.lower import lower_backward, print_module
from attnc.runtime.eager import eager
from attnc.runtime.operator import Operator
from attnc.runtime.ops import Upstream
from attnc.runtime.oracle import Reference
from attnc.runtime.trials import Trial, make, trials
from tests.runtime.test_backward import BIAS
from tests.runtime.tolerance import assert_close, qkv, random

pytestmark = pytest.mark.usefixtures("poisoned")

HALVES = [torch.bfloat16, torch.float16]
FACTOR = 3.0  # of plain torch's error
DILATED = "attention a { mask causal & window(60, 0) & { (q - k) mod 4 == 0 } }"
# Whole tiles and masked ones, residue classes, boxes of a grid, lists, tables.
SPECS: list[tuple[str, dict[str, Any]]] = [
    ("line/longformer", {"w": 40, "g": 5}),
    (DILATED, {}),
    ("grid/natten2d", {}),
    ("input/gather", {}),
    ("score/relative_bias", {}),
]


def gradients(
    f: Callable[[], tuple[Tensor, Tensor]], leaves: list[Tensor], above: list[Tensor]
) -> list[Tensor]:
    """Gradients of sums of the outputs and of the finite lse."""
    out, lse = f()
    ups = [above[0].to(out.dtype), above[1].to(lse.dtype).where(lse.isfinite(), 0.0)]
    lse = lse.where(lse.isfinite(), 0.0)
    return list(torch.autograd.grad([out, lse], leaves, ups))


def assert_right(op: Operator, q: Tensor, k: Tensor, v: Tensor, **keywords: Any) -> list[Tensor]:
    """Every row of every gradient is within three times plain torch's error, and a floor."""
    inputs = {n: x for n, x in keywords.items() if n in op.bound.inputs}
    rest = {n: x for n, x in keywords.items() if n not in inputs}
    asked = [x for x in inputs.values() if isinstance(x, Tensor) and x.requires_grad]
    leaves = [*(x.detach().requires_grad_() for x in (q, k, v)), *asked]
    shape = (*q.shape[:-1], v.shape[-1])
    above = [random(*shape, seed=7), random(*shape[:-1], seed=8)]
    reference = Reference(op.bound)
    ways = [
        partial(op, *leaves[:3], return_lse=True, **keywords),
        partial(eager, op.bound, *leaves[:3], inputs, **rest),
        partial(reference, *leaves[:3], return_lse=True, **keywords),
    ]
    found, plain, exact = (gradients(way, leaves, above) for way in ways)
    for name, *three in zip("qkv" + "x" * len(asked), found, plain, exact, strict=True):
        mine, usual, wanted = (x.reshape(-1, x.shape[-1] if x.dim() else 1) for x in three)
        own = [x.to(q.dtype) for x in (mine, usual)]  # gradients of inputs are float32
        assert_close(*own, wanted.double(), f"d{name}", factor=FACTOR)
    return found


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("trial", [*trials(90), Trial("long", 700, 700)], ids=lambda t: t.name)
def test_calls(trial: Trial, dtype: torch.dtype) -> None:
    """Padded, packed, cropped, strided; fewer rows than a tile, and tiles without a mask."""
    op = attnc.compile("line/causal")
    call = make(op.bound, trial, dtype, seed=3)
    assert_right(op, call.q, call.k, call.v, **call.keywords)


@pytest.mark.parametrize(("spec", "given"), SPECS, ids=lambda x: x if isinstance(x, str) else "")
def test_specs(spec: str, given: dict[str, Any]) -> None:
    """By turns in both dtypes; columns that are no whole tile."""
    op = attnc.compile(spec, **given)
    grid = (9, 31) if op.bound.grid else ()
    trial = Trial("columns", 279, 279, kv_heads=4, head_dim=33, value_dim=20, grid=grid)
    call = make(op.bound, trial, HALVES[len(spec) % 2], seed=4)
    inputs = {
        name: x.requires_grad_() if op.bound.inputs[name].grad else x
        for name, x in call.inputs.items()
    }
    assert_right(op, call.q, call.k, call.v, **call.keywords, **inputs)


def test_gradients_of_inputs() -> None:
    """The derivatives read the score."""
    op, dtype = attnc.compile(BIAS), torch.bfloat16
    given = {
        "bias": random(4, 150, 160, seed=4),
        "gate": 0.3 * random(2, 4, 160, seed=5),
        "slope": 0.1 * random(2, seed=6),
        "tau": torch.tensor(0.7),
    }
    inputs = {name: x.requires_grad_() for name, x in given.items()}
    q, k, v = qkv(150, 160, batch=2, heads=4, kv_heads=2, dim=40, dtype=dtype)
    assert_right(op, q, k, v, **inputs)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_what_lies_beyond_is_never_read(dtype: torch.dtype) -> None:
    op = attnc.compile("line/mistral", w=60)
    q, k, v = qkv(70, 90, batch=3, heads=4, kv_heads=2, dim=40, dtype=dtype)
    lengths = torch.tensor([90, 33, 0], dtype=torch.int32)
    clean = assert_right(op, q, k, v, kv_len=lengths)
    for entry, length in enumerate(lengths.tolist()):
        k[entry, :, length:], v[entry, :, length:] = torch.nan, torch.nan
    leaves = [x.requires_grad_() for x in (q, k, v)]
    out, lse = op(*leaves, kv_len=lengths, return_lse=True)
    above = [random(*out.shape, seed=7).to(dtype), random(*lse.shape, seed=8)]
    above[1] = above[1].where(lse.isfinite(), 0.0)
    lse = lse.where(lse.isfinite(), 0.0)
    assert all(map(torch.equal, torch.autograd.grad([out, lse], leaves, above), clean))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("scale", [0.0, -0.25, 1e-30, 2.7])
def test_scale(scale: float, dtype: torch.dtype) -> None:
    op = attnc.compile("line/mistral", w=60)
    assert_right(op, *qkv(100, dtype=dtype), scale=scale)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_nothing_is_computed_on_copies(dtype: torch.dtype) -> None:
    """Threads that share a head repeat to the bit, and the kernel is of the tensors' own dtype."""
    op = attnc.compile("line/mistral", w=400 + HALVES.index(dtype))
    leaves = [x.requires_grad_() for x in qkv(500, heads=1, dim=64, dtype=dtype)]
    before = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            out = op(*leaves)
            first, second = (torch.autograd.grad(out.sum(), leaves, retain_graph=True)
                             for _ in range(2))  # fmt: skip
            assert all(map(torch.equal, first, second))
    finally:
        torch.set_num_threads(before)
    loaded = op._runner.loaded  # type: ignore[union-attr]
    assert {sizes.dtype for sizes, _ in loaded} == {str(dtype).removeprefix("torch.")}


# Other machines

SPEC = "attention a(w = 50) {\n mask causal & (window(w, 0) | sink(3))\n score softcap(s, 20)\n}"


MACHINES = [(AMX, torch.bfloat16), (AVX512_BF16, torch.bfloat16), (AVX2, torch.bfloat16)]
MACHINES += [(AMX, torch.float16), (GENERIC, torch.float16)]


@pytest.mark.parametrize(("machine", "dtype"), MACHINES, ids=lambda x: getattr(x, "name", str(x)))
def test_machines(machine: Machine, dtype: torch.dtype) -> None:
    """Without a matrix unit rows are widened, some at a time."""
    host = host_machine()
    if (machine is AMX and not host.matrices) or (machine.lanes > host.lanes):
        pytest.skip("more than this CPU has")
    q, k, v = qkv(131, heads=4, kv_heads=2, dim=37, value_dim=21, dtype=dtype)
    bound = load(SPEC).bind()
    sizes = Sizes(head_dim=37, value_dim=21, dtype=str(dtype).removeprefix("torch."))
    source = print_module(lower_backward(bound, sizes, machine), bound, machine)
    assert ("attnc_tiles" in source.text) == (machine is AMX and dtype == torch.bfloat16)
    (main,) = build.load(build.to_llvm(source.text, build.host()), "main")
    kernel = kernels.LoadedKernel(main, None, source.facts)
    leaves = [x.double().requires_grad_() for x in (q, k, v)]
    out, lse = attnc.reference(SPEC)(*leaves, return_lse=True)
    above = random(*out.shape, seed=5).to(dtype)
    exact = torch.autograd.grad(out, leaves, above.double())
    given = Upstream(out.detach().to(dtype), lse.detach().float(), above, None, ())
    found = backward.run(bound, kernel, bind_call(bound, q, k, v), given, "bhsd")
    for mine, wanted in zip((found.q, found.k, found.v), exact, strict=True):
        error = (mine.double() - wanted).abs().max() / wanted.abs().max()
        assert error < 2 * torch.finfo(dtype).eps
