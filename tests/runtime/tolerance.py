"""When a kernel's result counts as right: close to float64, as close as plain torch would be."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from attnc.runtime.composed.eager import eager_steps
from attnc.runtime.eager import eager
from attnc.runtime.operator import Operator
from attnc.runtime.oracle import Reference

FACTOR = 2.0
FLOORS = {torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}
TRUSTED = 100  # floors that plain torch may be off: beyond that it is no yardstick


def assert_close(
    found: Tensor,
    plain: Tensor,
    exact: Tensor,
    what: str = "out",
    *,
    rows: bool = True,
    factor: float = FACTOR,
) -> None:
    """Every row (the last axis) is within `factor` times plain torch's error there, and a floor.

    What is infinite in `exact` is so in `found`; a NaN is never close. Without `rows` only the
    greatest and the mean error count: where scores are large, a row of plain torch may be lucky.
    """
    assert found.shape == plain.shape == exact.shape and found.dtype == plain.dtype
    floor = FLOORS[found.dtype]
    endless = exact.isinf()
    assert torch.equal(exact[endless], found[endless].double()), f"{what}: another infinity"
    found, plain, exact = (x.double().masked_fill(endless, 0) for x in (found, plain, exact))
    if not exact.numel():
        return
    least = floor * max(float(exact.abs().max()), 1e-30)
    error, usual = ((x - exact).abs().amax(-1) for x in (found, plain))
    assert float(usual.max()) <= TRUSTED * least, f"{what}: plain torch is off by {usual.max():.1e}"
    if not rows:
        error, usual = (torch.stack([x.max(), x.mean()]) for x in (error, usual))
    excess = error - factor * usual - least
    assert bool((excess <= 0).all()), _worst(what, error, usual, least, excess)


def _worst(what: str, error: Tensor, usual: Tensor, least: float, excess: Tensor) -> str:
    at = torch.where(excess.isnan(), torch.inf, excess).argmax()
    row = tuple(int(i) for i in torch.unravel_index(at, error.shape))
    return (
        f"{what}: row {row} is off by {error[row]:.2e}, plain torch by {usual[row]:.2e}, "
        f"the floor is {least:.1e}; {int((excess > 0).sum())} of {excess.numel()} rows are off"
    )


def assert_right(
    op: Operator, q: Tensor, k: Tensor, v: Tensor, *, rows: bool = True, **keywords: Any
) -> Tensor:
    """`op` agrees with the oracle on outputs and lse; gives the outputs."""
    out, lse = op(q, k, v, return_lse=True, **keywords)
    layout = op.options.layout
    inputs = {n: x for n, x in keywords.items() if n in op.bound.inputs}
    rest = {n: x for n, x in keywords.items() if n not in inputs}
    exact, exact_lse = Reference(op.bound, layout)(q, k, v, return_lse=True, **keywords)
    usual = eager_steps if op.bound.segments else partial(eager, layout=layout)
    plain, plain_lse = usual(op.bound, q, k, v, inputs, **rest)
    if q.dim() == 3:
        plain, plain_lse = plain[0].transpose(0, 1), plain_lse[0]
    elif layout == "bshd":
        plain = plain.transpose(1, 2)
    assert out.dtype == q.dtype and lse.dtype == torch.float32
    assert_close(out, plain, exact, rows=rows)
    if q.dtype == torch.float32:
        assert_close(lse, plain_lse, exact_lse, "lse", rows=rows)
    return out


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Normal numbers, the same for the same shape and seed."""
    generator = torch.Generator().manual_seed(seed + sum(n << i for i, n in enumerate(shape)))
    return torch.randn(*shape, generator=generator).to(dtype)


def qkv(
    q_len: int,
    k_len: int | None = None,
    *,
    batch: int = 1,
    heads: int = 2,
    kv_heads: int | None = None,
    dim: int = 16,
    value_dim: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor, Tensor]:
    """Random q [B, H, Nq, D], k [B, Hkv, Nk, D], v [B, Hkv, Nk, Dv]."""
    k_len, kv_heads, value_dim = k_len or q_len, kv_heads or heads, value_dim or dim
    q = random(batch, heads, q_len, dim, seed=1, dtype=dtype)
    k = random(batch, kv_heads, k_len, dim, seed=2, dtype=dtype)
    return q, k, random(batch, kv_heads, k_len, value_dim, seed=3, dtype=dtype)
