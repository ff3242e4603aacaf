"""The cases: each gives two callables that compute the same thing, attnc's and its peer's.

A case is a function decorated with `@case`; `run.py` runs them all. One that cannot run here
raises `UnavailableError` with the reason, which the results then show.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import scaled_dot_product_attention

import attnc
from attnc.runtime.timing import Work


class UnavailableError(Exception):
    """Why a case cannot run on this machine."""


@dataclass(frozen=True, slots=True)
class Case:
    """Two ways of one computation; `flops` are those of the pairs that the pattern has."""

    ours: Work
    theirs: Work
    flops: float | None = None
    turns: int = 15
    warmup: int = 2


Make = Callable[[], Case]
CASES: dict[tuple[str, str], Make] = {}


def case(name: str, peer: str) -> Callable[[Make], Make]:
    """Add a function that makes a case, under its name and its peer's."""

    def add(make: Make) -> Make:
        CASES[name, peer] = make
        return make

    return add


def tensors(heads: int, length: int, dim: int) -> tuple[torch.Tensor, ...]:
    """Query, key and value [1, heads, length, dim] in float32."""
    torch.manual_seed(0)
    return tuple(torch.randn(1, heads, length, dim) for _ in range(3))


def useful_flops(spec: str, heads: int, length: int, dim: int, **parameters: int) -> float:
    """Multiplications and additions of both products over the pattern's pairs."""
    pairs = attnc.analyze(spec, seq=length, **parameters).useful
    return 4.0 * dim * heads * pairs


def flex_attention() -> tuple[Callable[..., torch.Tensor], Callable[..., object]]:
    """Compiled FlexAttention and a compiled maker of its block masks."""
    from torch.nn.attention import flex_attention as flex

    if shutil.which("g++") is None:
        raise UnavailableError("FlexAttention needs a C++ compiler, and there is no g++")
    return torch.compile(flex.flex_attention), torch.compile(flex.create_block_mask)


def within(width: int) -> Callable[..., torch.Tensor]:
    """FlexAttention's mask function of a causal window."""

    def keep(
        batch: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor
    ) -> torch.Tensor:
        return (key <= query) & (key > query - width)

    return keep


@case("causal, fp32, B 1, H 8, N 4096, D 64", "SDPA, is_causal")
def causal() -> Case:
    q, k, v = tensors(8, 4096, 64)
    operator = attnc.compile("line/causal")
    return Case(
        ours=lambda: operator(q, k, v),
        theirs=lambda: scaled_dot_product_attention(q, k, v, is_causal=True),
        flops=useful_flops("line/causal", 8, 4096, 64),
    )


@case("causal window 256, fp32, B 1, H 4, N 16384, D 64", "compiled FlexAttention")
def window() -> Case:
    width, length = 256, 16384
    q, k, v = tensors(4, length, 64)
    operator = attnc.compile("line/mistral", w=width)
    attend, block_mask = flex_attention()

    mask = block_mask(within(width), None, None, length, length, device="cpu")
    return Case(
        ours=lambda: operator(q, k, v),
        theirs=lambda: attend(q, k, v, block_mask=mask),
        flops=useful_flops("line/mistral", 4, length, 64, w=width),
        turns=31,
    )


@case("the same window, a call against a plan", "compiled create_block_mask")
def plan() -> Case:
    _, block_mask = flex_attention()
    keep = within(256)
    return Case(window().ours, lambda: block_mask(keep, None, None, 16384, 16384, device="cpu"))


@case("Gemma 3 270M, reading 8192 tokens", "the stock model (SDPA)")
def gemma_prefill() -> Case:
    try:
        from examples.gemma import OURS, STOCK, install, prefill
        from examples.models import gemma, manual

        model, tokenizer = gemma()
    except ImportError as missing:
        raise UnavailableError(f"needs {missing.name}") from missing
    tokens = manual(tokenizer)[:, :8192]
    install(model.config.sliding_window)
    return Case(
        ours=lambda: prefill(model, OURS, tokens),
        theirs=lambda: prefill(model, STOCK, tokens),
        turns=3,
        warmup=0,
    )
