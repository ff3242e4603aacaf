"""The keys of the greatest scores, against a stable sort in float64."""

import pytest
import torch

import attnc
from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime.calls.call import bind_call
from attnc.runtime.calls.inputs import dtype_name
from attnc.runtime.cpu import kernels
from attnc.runtime.cpu.choices import best_keys


@pytest.mark.parametrize("mask", ["causal", "causal - window(9, 0) | sink(3)"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ties_go_to_the_lower_key(dtype: torch.dtype, mask: str) -> None:
    """Scores are small integers, so that many are equal; early queries have too few keys."""
    generator = torch.Generator().manual_seed(1)
    rows, count, dim = 107, 5, 20
    shapes = ((2, 4, rows, dim), (2, 2, rows, dim))
    q, k = (torch.randint(-1, 2, s, generator=generator).to(dtype) for s in shapes)
    source = f"attention pick {{ mask {mask} }}"
    bound = load(source).bind()
    sizes = Sizes(head_dim=dim, value_dim=dim, dtype=dtype_name(dtype), best=count)
    kernel = kernels.from_files(kernels.files(bound, sizes))
    best, picks = best_keys(kernel, bind_call(bound, q, k, k, scale=1.0), count)

    keep = attnc.mask(source, seq=rows)
    scores = (q.double() @ k.double().repeat_interleave(2, 1).mT).masked_fill(~keep, -torch.inf)
    values, order = scores.sort(dim=-1, descending=True, stable=True)
    values, order = values[..., :count], order[..., :count]
    assert torch.equal(picks.long(), order.masked_fill(values.isinf(), -1))
    assert torch.equal(best.double(), values)
