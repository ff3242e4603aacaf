"""What is timed on a GPU: attention-gym's patterns over lengths, and NATTEN's published cases."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.loader import load
from attnc.dsl.program import Bound
from benchmarks.patterns import Inputs, documents, no_inputs, slopes

NEIGHBOURS = "attention neighbours(w = 2048) { mask neighborhood(w) }"
GYM = {
    "full": ("line/full", {}, no_inputs),
    "causal": ("line/causal", {}, no_inputs),
    "ALiBi": ("score/alibi", {}, slopes),
    "causal, window 1024": ("line/mistral", {"w": 1024}, no_inputs),
    "documents": ("input/document", {}, documents),
    "soft-cap": ("score/softcap", {"cap": 20.0}, no_inputs),
}
BATCH, HEADS, KV_HEADS = 4, 16, (4, 16)
LENGTHS, DIMS = (2048, 4096, 8192, 16384, 32768), (64, 128)


@dataclass(frozen=True, slots=True)
class GpuCase:
    """A spec and a shape: q [batch, heads, n, d], k and v [batch, kv_heads, n, d].

    `grid` are the extents of a grid, whose product is n; `published` NATTEN's own milliseconds.
    """

    name: str
    spec: str
    n: int
    d: int
    heads: int
    kv_heads: int
    batch: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Any = no_inputs
    grid: tuple[int, ...] = ()
    published: float | None = None

    @property
    def bound(self) -> Bound:
        """The spec with its parameters."""
        return load(self.spec).bind(**self.parameters)

    def tensors(self, device: str, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """The same q, k and v each time."""
        torch.manual_seed(0)
        heads = (self.heads, self.kv_heads, self.kv_heads)
        q, k, v = (torch.randn(self.batch, h, self.n, self.d).to(device, dtype) for h in heads)
        return q, k, v

    def tables(self, device: str) -> Inputs:
        """The tensors that the spec reads."""
        return {n: x.to(device) for n, x in self.inputs(self.heads, self.n).items()}

    def __str__(self) -> str:
        heads = str(self.heads) if self.heads == self.kv_heads else f"{self.heads}:{self.kv_heads}"
        length = "x".join(map(str, self.grid)) or str(self.n)
        return f"{self.name}, B {self.batch}, H {heads}, N {length}, D {self.d}"


def gym() -> Iterator[GpuCase]:
    """attention-gym's performance sweep, and soft-capped scores."""
    for (name, (spec, parameters, inputs)), d in product(GYM.items(), DIMS):
        for n, kv_heads in product(LENGTHS, KV_HEADS):
            yield GpuCase(
                name, spec, n, d, HEADS, kv_heads, BATCH, parameters=parameters, inputs=inputs
            )


def natten() -> Iterator[GpuCase]:
    """What NATTEN's profiler publishes for an H100, in milliseconds: batch 1, D 128."""
    yield GpuCase("NATTEN, 1-D", NEIGHBOURS, 32768, 128, 1, 1, published=0.0948)
    flux = {"kernel_y": 80, "kernel_x": 80}
    strides = {"stride_y": 16, "stride_x": 16}
    video = {"kernel_t": 18, "kernel_y": 24, "kernel_x": 24}
    for name, spec, grid, parameters, published in (
        ("NATTEN, FLUX", "grid/natten2d", (256, 256), flux, 16.2),
        ("NATTEN, FLUX, stride 16", "grid/gna", (256, 256), flux | strides, 7.9),
        ("NATTEN, video", "grid/natten3d", (30, 48, 80), video, 79.0),
    ):
        yield GpuCase(
            name, spec, prod(grid), 128, 24, 24, parameters=parameters, grid=grid,
            published=published,
        )  # fmt: skip


def cases() -> list[GpuCase]:
    """All of them."""
    return [*gym(), *natten()]


def toys() -> list[GpuCase]:
    """Every pattern at a size that an interpreter manages."""
    return [_toy(case) for case in {case.name: case for case in cases()}.values()]


def _toy(case: GpuCase) -> GpuCase:
    grid = {0: (), 2: (5, 8), 3: (2, 4, 5)}[len(case.grid)]
    windows = {n: min(x, 4) if isinstance(x, int) else x for n, x in case.parameters.items()}
    shape = {"n": 40, "d": 16, "heads": 2, "kv_heads": 1, "batch": 1}
    return replace(case, **shape, grid=grid, parameters=windows, published=None)
