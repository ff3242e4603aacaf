"""Gradients: against the oracle's by autograd, against finite differences, and how they compose."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.loader import load
from attnc.runtime.operator import Operator
from attnc.runtime.oracle import Reference
from attnc.runtime.trials import Trial, make, trials
from tests.references import PARAMETERS, inputs

CASES = [(name, cases[-1]) for name, cases in PARAMETERS.items()]
BIAS = """
use std
attention biased(w = 9) {
    input bias: float[h, q, k] grad
    input gate: float[h, token] grad
    input slope: float[hkv] grad
    input tau: float grad
    mask causal & window(w, 0)
    score tanh(s * tau) * exp(gate[h, k]) + bias[h, q, k] - slope[h] * abs(q - k) + gate[h, q]
}
"""


def random(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()


def gradients(f: Any, leaves: list[Tensor], seed: int = 9) -> list[Tensor]:
    """Gradients of random sums of the outputs and of the finite lse."""
    out, lse = f()
    seen = lse.isfinite()
    ups = [random(*x.shape, seed=seed).detach().to(x.dtype) for x in (out, lse[seen])]
    return list(torch.autograd.grad([out, lse[seen]], leaves, ups))


def assert_gradients(
    op: Operator, q: Tensor, k: Tensor, v: Tensor, tolerance: float, **keywords: Any
) -> None:
    """The operator's gradients are the oracle's, up to rounding relative to the largest."""
    bound, layout = op.bound, op.options.layout
    reference = Reference(bound, layout)
    tensors = [x for x in keywords.values() if isinstance(x, Tensor) and x.requires_grad]
    leaves = [q, k, v, *tensors]
    found = gradients(lambda: op(q, k, v, return_lse=True, **keywords), leaves)
    exact = gradients(lambda: reference(q, k, v, return_lse=True, **keywords), leaves)
    for name, mine, wanted, leaf in zip(
        ("q", "k", "v", "x", "y", "z", "w"), found, exact, leaves, strict=False
    ):
        assert mine.dtype == leaf.dtype and mine.shape == leaf.shape
        error = (mine.double() - wanted.double()).abs().max()
        assert error <= tolerance * max(1.0, float(wanted.abs().max())), (name, float(error))


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
def test_finite_differences(name: str, parameters: dict[str, Any]) -> None:
    op = attnc.compile(name, **parameters)
    heads = op.bound.listed_heads or 2
    q, k = random(1, heads, 11, 3, seed=1), random(1, 1, 13, 3, seed=2)
    v, drawn = random(1, 1, 13, 2, seed=3), inputs(name, heads, 13, q_len=11, **parameters)
    extra = {n: torch.from_numpy(x) for n, x in drawn.items()}
    floats = {n: x.requires_grad_() for n, x in extra.items() if x.is_floating_point()}

    def f(q: Tensor, k: Tensor, v: Tensor, *given: Tensor) -> Tensor:
        out = op(q, k, v, **(extra | dict(zip(floats, given, strict=True))))
        assert isinstance(out, Tensor)
        return out

    assert torch.autograd.gradcheck(f, (q, k, v, *floats.values()))


def calls() -> Iterator[Trial]:
    yield from (t for t in trials(90) if t.head_dim != 40)
    yield Trial("columns", 50, 50, head_dim=33, value_dim=20)


@pytest.mark.parametrize("trial", list(calls()), ids=lambda t: t.name)
@pytest.mark.parametrize("spec", ["line/longformer", "line/power_attention", "input/document"])
def test_gradients(spec: str, trial: Trial) -> None:
    op = attnc.compile(spec)
    call = make(op.bound, trial, torch.float64, seed=3)
    q, k, v = (x.requires_grad_() for x in (call.q, call.k, call.v))
    assert_gradients(op, q, k, v, 1e-12, **call.keywords, **call.inputs)


def test_gradients_of_inputs() -> None:
    op = attnc.compile(BIAS)
    for heads, kv_heads, batch in ((4, 2, 2), (1, 1, 1)):
        q, k = random(batch, heads, 50, 8, seed=1), random(batch, kv_heads, 60, 8, seed=2)
        given = {
            "bias": random(heads, 50, 60, seed=4),
            "gate": random(batch, heads, 60, seed=5),
            "slope": random(kv_heads, seed=6),
            "tau": torch.tensor(0.7, dtype=torch.float64, requires_grad=True),
        }
        assert_gradients(op, q, k, random(batch, kv_heads, 60, 8, seed=3), 1e-11, **given)


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 3e-6), (torch.bfloat16, 3e-2), (torch.float16, 4e-3)],
    ids=str,
)
def test_dtypes(dtype: torch.dtype, tolerance: float) -> None:
    op = attnc.compile("score/softcap", cap=5.0, layout="bshd")
    q = random(2, 100, 4, 64, seed=1, dtype=dtype)
    k, v = random(2, 100, 2, 64, seed=2, dtype=dtype), random(2, 100, 2, 64, seed=3, dtype=dtype)
    assert_gradients(op, q, k, v, tolerance)


def test_gradients_repeat_for_a_number_of_threads() -> None:
    op = attnc.compile("line/mistral", w=60)
    leaves = [random(1, 3, 300, 64, seed=s, dtype=torch.float32) for s in (1, 2, 3)]
    before = torch.get_num_threads()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            first, second = (
                gradients(lambda: op(*leaves, return_lse=True), leaves) for _ in range(2)
            )
            assert all(map(torch.equal, first, second))
    finally:
        torch.set_num_threads(before)


def test_what_is_not_differentiable() -> None:
    op = attnc.compile("attention a { input x: float[h]\n mask full\n score s * x[h] }")
    q, x = random(1, 2, 8, 4, seed=1), random(2, seed=2)
    with pytest.raises(attnc.AttnError, match=r"`x` requires a gradient, but .* declares none"):
        op(q, q, q, x=x)
    assert op(q, q, q, x=x.detach()).requires_grad
    with torch.no_grad():
        op(q, q, q, x=x)


def test_an_input_that_no_score_reads() -> None:
    source = "attention a { input x: float[h] grad\n mask full\n score s + 0.0 * x[h] }"
    op = attnc.compile(source)
    q, x = random(1, 2, 8, 4, seed=1), random(2, seed=2)
    op(q, q, q, x=x).sum().backward()
    assert x.grad is not None and torch.equal(x.grad, torch.zeros_like(x))


def test_registered_operators() -> None:
    """Schema, fake kernels and autograd agree, and compiled autograd passes over them."""
    op = attnc.compile("score/alibi")
    q = random(1, 2, 20, 8, seed=1, dtype=torch.float32)
    slope = random(2, seed=2, dtype=torch.float32)

    def f(q: Tensor, slope: Tensor) -> Tensor:
        return op(q, q, q, slope=slope).square().sum()

    wanted = torch.autograd.grad(f(q, slope), (q, slope))
    found = torch.autograd.grad(torch.compile(f, backend="aot_eager")(q, slope), (q, slope))
    for a, b in zip(wanted, found, strict=True):
        torch.testing.assert_close(a, b)


def test_an_artifact_that_has_no_backward(tmp_path: Path) -> None:
    from attnc.compiler.elaborate import Sizes
    from attnc.runtime.artifacts.artifact import save
    from attnc.runtime.artifacts.contents import Contents
    from attnc.runtime.calls.options import Options

    bound = load("line/causal").bind()
    forward, sizes = Contents((), gradients=False), Sizes(head_dim=8, value_dim=8)
    folder = save(tmp_path / "built", bound, sizes, Options(), forward)
    q = random(1, 1, 8, 8, seed=1, dtype=torch.float32)
    with pytest.raises(attnc.AttnError, match="holds no kernel of the gradients"):
        attnc.load(folder)(q, q, q).sum().backward()
