"""Gradients where each query chooses blocks for itself, by the kernel that gathers queries."""

import pytest
import torch
from torch import Tensor

import attnc
from attnc.runtime.routes.runner import RoutedRunner

SPEC = """
route r {{ keys blocks({size}) summary mean choose top(2) within causal keep blocks({size}) }}
attention a {{
    input slope: float[h] grad
    mask causal & r
    score s - slope[h] * (q - k) / 8
}}
"""


@pytest.fixture(autouse=True)
def no_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other way, by run-time sets, would serve as well."""

    def refuse(*_: object) -> None:
        raise AssertionError("by run-time sets")

    monkeypatch.setattr(RoutedRunner, "with_sets", refuse)


def operands(heads: tuple[int, int], tokens: int, dim: int, dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(tokens)
    rows = [(2, h, tokens, dim) for h in (heads[0], heads[1], heads[1])] + [(heads[0],)]
    found = (torch.randn(shape, generator=generator, dtype=dtype) for shape in rows)
    return [x.requires_grad_() for x in found]


@pytest.mark.parametrize(
    ("heads", "tokens", "size", "dim"),
    [((2, 2), 150, 16, 16), ((4, 2), 203, 24, 19), ((2, 1), 300, 72, 40)],
)
def test_against_the_oracle(heads: tuple[int, int], tokens: int, size: int, dim: int) -> None:
    """Tails, heads that share keys, units that fill no vector; through the lse and an input too."""
    source = SPEC.format(size=size)
    q, k, v, slope = operands(heads, tokens, dim, torch.float64)
    out, lse, lists = attnc.compile(source)(
        q, k, v, slope=slope, return_lse=True, return_routes=True
    )
    wanted = attnc.reference(source)(q, k, v, slope=slope, return_lse=True, **lists)
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=out.dtype)
    grads = [
        torch.autograd.grad((o * upstream).sum() + z.sin().sum(), (q, k, v, slope))
        for o, z in ((out, lse), wanted)
    ]
    for mine, right in zip(*grads, strict=True):
        torch.testing.assert_close(mine, right, rtol=1e-9, atol=1e-9)


def test_by_differences() -> None:
    """Lists are given, as a choice has no gradient."""
    operator = attnc.compile(SPEC.format(size=8))
    q, k, v, slope = operands((2, 1), 70, 4, torch.float64)
    with torch.no_grad():
        _, lists = operator(q, k, v, slope=slope, return_routes=True)

    def attend(*given: Tensor) -> Tensor:
        found: Tensor = operator(*given[:3], slope=given[3], **lists)
        return found

    assert torch.autograd.gradcheck(attend, (q, k, v, slope), fast_mode=True)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_same_bits_again(threads: int) -> None:
    """For a given number of threads, which share the keys of one KV head."""
    source = SPEC.format(size=16)
    q, k, v, slope = operands((2, 1), 203, 16, torch.float32)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        operator = attnc.compile(source)
        out = operator(q, k, v, slope=slope)
        found = [
            torch.autograd.grad(out.sum(), (q, k, v, slope), retain_graph=True) for _ in range(2)
        ]
    finally:
        torch.set_num_threads(before)
    for x, y in zip(*found, strict=True):
        assert torch.equal(x, y)
