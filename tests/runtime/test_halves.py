"""Kernels that load and store bfloat16 and float16, against the oracle."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.codegen.tvm.machine import AVX2, AVX512, AVX512_BF16, GENERIC, NEON, Machine
from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime.calls.call import bind_call
from attnc.runtime.cpu import build, kernels
from attnc.runtime.cpu.arguments import prepare
from attnc.runtime.cpu.cpus import host_machine
from attnc.runtime.cpu.launch import launch
from attnc.runtime.cpu.lower import lower, print_module
from attnc.runtime.operator import Operator
from tests.references import inputs
from tests.runtime.test_kernels import DIMS, HEAD_DEPENDENT, PARAMETERS
from tests.runtime.tolerance import assert_right, qkv, random

pytestmark = pytest.mark.usefixtures("poisoned")

HALVES = [torch.bfloat16, torch.float16]
SHAPES = [(131, 131, 1), (37, 200, 2), (5, 3, 1)]
# Weights of pairs have an exponential of largest relative error 1e-4.
LSE = {torch.bfloat16: 2e-4, torch.float16: 1e-5}
paired = pytest.mark.skipif(
    not host_machine().dot, reason="this CPU has no instruction for pairs of bfloat16"
)


@pytest.fixture(scope="module")
def window() -> Operator:
    return attnc.compile("line/mistral", w=60)


def assert_lse(op: Operator, q: Tensor, k: Tensor, v: Tensor, **keywords: Any) -> None:
    """lse is float32, and better than the dtype of the tensors."""
    found = op(q, k, v, return_lse=True, **keywords)[1]
    wanted = attnc.reference(op.bound.program.source.text, **op.bound.values)
    exact = wanted(q, k, v, return_lse=True, **keywords)[1]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, atol=LSE[q.dtype], rtol=1e-5)


# What a mask reads is no matter of the dtype: specs of run-time inputs take one each, in turn.
BOTH = [name for name in PARAMETERS if not name.startswith("input/")]
SHIPPED = [(name, dtype) for name in BOTH for dtype in HALVES]
SHIPPED += [(n, HALVES[i % 2]) for i, n in enumerate(n for n in PARAMETERS if n not in BOTH)]


@pytest.mark.parametrize(("name", "dtype"), SHIPPED, ids=str)
def test_shipped(name: str, dtype: torch.dtype) -> None:
    given = PARAMETERS[name][0]
    op = attnc.compile(name, **given)
    dim, value_dim = DIMS[len(name) % len(DIMS)]
    for q_len, k_len, batch in SHAPES:
        kv_heads = 2 if name in HEAD_DEPENDENT else 1
        q, k, v = qkv(
            q_len, k_len, batch=batch, heads=4, kv_heads=kv_heads, dim=dim, value_dim=value_dim,
            dtype=dtype,
        )  # fmt: skip
        extra = inputs(name, 4, k_len, q_len=q_len, **given)
        tensors = {n: torch.from_numpy(x) for n, x in extra.items()}
        assert assert_right(op, q, k, v, **tensors).isfinite().all()


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize(("dim", "value_dim"), [(1, 1), (3, 7), (17, 33), (33, 16), (80, 96)])
def test_dimensions(window: Operator, dim: int, value_dim: int, dtype: torch.dtype) -> None:
    """Odd columns: the last number of a row has no neighbour to be a pair with."""
    for q_len, k_len in ((1, 60), (100, 100), (3, 1)):
        q, k, v = qkv(q_len, k_len, dim=dim, value_dim=value_dim, dtype=dtype)
        assert_right(window, q, k, v)
    assert_lse(window, q, k, v)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_views(window: Operator, dtype: torch.dtype) -> None:
    """Rows of 53 numbers that begin anywhere: a pair of neighbours may lie across two words."""
    whole = random(3, 90, 7, 53, dtype=dtype)
    q = whole[1:, 5:82, 1:5, 3:19].transpose(1, 2)
    k = whole[:2, 1:78, 5:7, 21:37].transpose(1, 2)
    v = whole[1:, 9:86, 2:4, 37:53].transpose(1, 2)
    assert k.storage_offset() % 2 and k.stride(2) % 2
    out = assert_right(window, q, k, v)
    assert torch.equal(out, window(*(x.contiguous() for x in (q, k, v))))
    assert_lse(window, q, k, v)
    rows = attnc.compile("line/mistral", w=60, layout="bshd")
    assert torch.equal(rows(*(x.transpose(1, 2) for x in (q, k, v))), out.transpose(1, 2))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_what_lies_beyond_is_never_read(window: Operator, dtype: torch.dtype) -> None:
    q, k, v = qkv(70, 90, batch=3, heads=4, kv_heads=2, dtype=dtype)
    lengths = torch.tensor([90, 33, 0], dtype=torch.int32)
    for entry, length in enumerate(lengths.tolist()):
        k[entry, :, length:], v[entry, :, length:] = torch.nan, torch.nan
    clean = [x.nan_to_num(0.0) for x in (k, v)]
    out, lse = window(q, k, v, kv_len=lengths, return_lse=True)
    assert torch.equal(out, assert_right(window, q, *clean, kv_len=lengths))
    assert not out[2].any() and lse[2].isneginf().all()


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_packed_and_cropped(window: Operator, dtype: torch.dtype) -> None:
    q, k, v = (x[0].transpose(0, 1) for x in qkv(90, dtype=dtype))
    assert_right(window, q, k, v, cu_seqlens=torch.tensor([0, 40, 40, 41, 90]))
    q, k, v = qkv(30, 50, batch=2, dtype=dtype)
    assert_right(window, q, k, v, k_start=7)
    assert_right(window, q, k, v, q_start=20, k_start=torch.tensor([-4, 3]))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("queries", [1, 3, 12])
def test_few_queries(queries: int, dtype: torch.dtype) -> None:
    """Packed heads and keys shared among threads, with columns or queries in the lanes."""
    op = attnc.compile("line/causal")
    q, k, v = qkv(queries, 700, heads=4, kv_heads=1, dim=64, value_dim=33, dtype=dtype)
    assert_right(op, q, k, v)
    assert_lse(op, q, k, v)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("scale", [0.0, -0.25, -3.3, 1e-30, 1.0, 2.7])
def test_scale(window: Operator, scale: float, dtype: torch.dtype) -> None:
    q, k, v = qkv(100, dtype=dtype)
    assert_right(window, q, k, v, scale=scale)
    if abs(scale) < 1:
        assert_lse(window, q, k, v, scale=scale)


def test_scale_of_a_score_expression() -> None:
    op = attnc.compile("score/softcap", cap=5.0)
    q, k, v = qkv(100, dtype=torch.bfloat16)
    for scale in (0.3, -0.3, 0.0):
        assert_right(op, q, k, v, scale=scale)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_extreme_scores(window: Operator, dtype: torch.dtype) -> None:
    """One key takes all the weight, wherever it lies."""
    q, k, v = qkv(100, dtype=dtype)
    assert_right(window, 20 * q, 20 * k, v, rows=False)
    assert window(1e4 * q, 1e4 * k, v).isfinite().all()
    assert torch.equal(window(0 * q, k, v[..., :1].expand_as(v) * 0 + 1), torch.ones_like(v))
    huge = torch.finfo(dtype).max
    v[..., 0], v[..., 1] = huge, -huge
    out = window(q, k, v)
    assert out[..., 2:].isfinite().all() and not out.isnan().any()


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_nan_shows(window: Operator, dtype: torch.dtype) -> None:
    q, k, v = qkv(100, dtype=dtype)
    q[0, 0, 50, 3], k[0, 1, 20, 5] = torch.nan, torch.nan
    missing = window(q, k, v).isnan().any(-1)
    assert missing[0, 0].nonzero().flatten().tolist() == [50]
    assert missing[0, 1].nonzero().flatten().tolist() == list(range(20, 80))


def test_float16_is_computed_in_float32(window: Operator) -> None:
    q, k, v = qkv(130, batch=2, heads=4, kv_heads=2, dtype=torch.float16)
    out, lse = window(q, k, v, return_lse=True)
    single, single_lse = window(*(x.float() for x in (q, k, v)), return_lse=True)
    assert torch.equal(out, single.half()) and torch.equal(lse, single_lse)


@paired
def test_weights_are_all_that_is_rounded(window: Operator) -> None:
    """Where all weights are powers of two, the result is that of float32, rounded once."""
    q, k, v = qkv(130, dtype=torch.bfloat16)
    q, k = torch.zeros_like(q), torch.ones_like(k)
    assert torch.equal(window(q, k, v), window(q.float(), k.float(), v.float()).bfloat16())


# Other machines

SPEC = "attention a(w = 50) {\n mask causal & (window(w, 0) | sink(3))\n score softcap(s, 20)\n}"
PAIRED = [AVX512_BF16, *(replace(AVX512_BF16, lanes=n, scale=None) for n in (4, 8))]
WITHOUT = [AVX512, AVX2, NEON, GENERIC]


def run(machine: Machine, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The spec's kernel for a machine model, on this machine."""
    bound, dtype = load(SPEC).bind(), str(q.dtype).removeprefix("torch.")
    sizes = Sizes(head_dim=q.shape[3], value_dim=v.shape[3], dtype=dtype)
    source = print_module(lower(bound, sizes, machine), bound, machine)
    main, plan = build.load(build.to_llvm(source.text, build.host()), "main", "plan")
    out = torch.empty(*q.shape[:3], v.shape[3], dtype=q.dtype)
    arguments = prepare(bind_call(bound, q, k, v), out, torch.empty(q.shape[:3]))
    launch(kernels.LoadedKernel(main, plan, source.facts), arguments)
    return out


@pytest.mark.parametrize("machine", [*WITHOUT, *PAIRED], ids=lambda m: m.name)
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_machines(machine: Machine, dtype: torch.dtype) -> None:
    """Without the instruction rows are widened; with it, vectors may have any width."""
    if not host_machine().dot and machine in (AVX512, *PAIRED):
        pytest.skip("wider than this CPU")
    q, k, v = qkv(131, heads=4, kv_heads=2, dim=37, value_dim=21, dtype=dtype)
    found = run(machine, q, k, v).double()
    exact = attnc.reference(SPEC)(q, k, v)
    # one rounding of the result, and where pairs are multiplied, of the weights
    step = torch.finfo(dtype).eps * (1 if machine in PAIRED and dtype == torch.bfloat16 else 0.5)
    assert float((found - exact).abs().max()) < 1.01 * step * float(v.abs().max())
    assert math.isfinite(float(found.sum()))
