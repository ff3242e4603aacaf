"""Keys that each query chooses in units, against dense attention in float64."""

import pytest
import torch
from torch import Tensor

import attnc
from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime.calls.call import bind_call
from attnc.runtime.calls.inputs import dtype_name
from attnc.runtime.cpu import kernels
from attnc.runtime.cpu.units import add_units
from tests.runtime.tolerance import assert_close

SIZE, N, HEADS, DIM = 16, 203, 4, 24


def choose(generator: torch.Generator, own_heads: int, n: int, size: int = SIZE) -> Tensor:
    """Units before that of each query, each once; fewer than `n` where there are no more."""
    units = -(-N // size)
    score = torch.rand(1, own_heads, N, units, generator=generator)
    score[:, :, torch.arange(units) >= (torch.arange(N) // size)[:, None]] = -1
    top = score.topk(min(n, units), dim=-1)
    return top.indices.masked_fill(top.values < 0, -1).int()


@pytest.mark.parametrize("heads", [1, HEADS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_chosen_units_are_added_to_what_there_is(dtype: torch.dtype, heads: int) -> None:
    """The rest of the pattern is masked in a unit that it shares with what was there before."""
    generator = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(1, h, N, DIM, generator=generator, dtype=dtype) for h in (HEADS, 2, 2))
    chosen = choose(generator, heads, 3)
    before = attnc.compile("attention near { mask causal & window(20, 0) }")
    rest = load("attention rest { mask causal - window(20, 0) }").bind()
    sizes = Sizes(head_dim=DIM, value_dim=DIM, dtype=dtype_name(dtype), unit=SIZE)
    kernel = kernels.from_files(kernels.files(rest, sizes))
    out, lse = before(q, k, v, return_lse=True)
    add_units(kernel, bind_call(rest, q, k, v), chosen, out, lse)

    position = torch.arange(N)
    distance = position[:, None] - position
    unit = position // SIZE
    picked = (chosen[..., None] == unit).any(dim=3)
    mask = (distance >= 0) & ((distance <= 20) | picked)
    plain = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, enable_gqa=True
    )
    scores = q.double() @ k.double().repeat_interleave(2, 1).mT / DIM**0.5
    scores = scores.masked_fill(~mask, -torch.inf)
    exact = scores.softmax(-1) @ v.double().repeat_interleave(2, 1)
    if dtype == torch.float64:
        torch.testing.assert_close(out, exact)
    else:
        assert_close(out, plain, exact)
    torch.testing.assert_close(lse.double(), scores.logsumexp(-1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("size", "columns"), [(8, 16), (24, 19), (72, 40), (128, 5)])
def test_units_of_any_size(size: int, columns: int) -> None:
    """Lanes, tiles and vectors that a unit's keys or a value's columns do not fill; no key before.

    A query that chose nothing has zeros; one unit that queries chose is not theirs to see.
    """
    generator = torch.Generator().manual_seed(size)
    q, k = (torch.randn(1, h, N, DIM, generator=generator) for h in (HEADS, 2))
    v = torch.randn(1, 2, N, columns, generator=generator)
    chosen = choose(generator, HEADS, 3, size)
    chosen[:, :, -1, 0] = -(-N // size) - 1  # its own, which holds later keys for others
    chosen[:, :, -2, 0] = -(-N // size) - 1
    rest = load("attention rest { mask causal score 0.5 * s }").bind()
    kernel = kernels.from_files(
        kernels.files(rest, Sizes(head_dim=DIM, value_dim=columns, unit=size))
    )
    out, lse = torch.zeros(1, HEADS, N, columns), torch.full((1, HEADS, N), -torch.inf)
    add_units(kernel, bind_call(rest, q, k, v), chosen, out, lse)

    position = torch.arange(N)
    picked = (chosen[..., None] == position // size).any(dim=3)
    mask = picked & (position <= position[:, None])
    scores = 0.5 * q.double() @ k.double().repeat_interleave(2, 1).mT / DIM**0.5
    scores = scores.masked_fill(~mask, -torch.inf)
    exact = scores.softmax(-1).nan_to_num(0.0) @ v.double().repeat_interleave(2, 1)
    torch.testing.assert_close(out.double(), exact, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(lse.double(), scores.logsumexp(-1), rtol=1e-5, atol=1e-5)
