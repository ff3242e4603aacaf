"""A slice of the matrix of GPU kernels: every spec, target and head dimension, without spills.

One compilation a cell where the static model's first tile is clean, all cells together; the rest
is for `make gpu-matrix`.
"""

from itertools import islice

import pytest

from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime.gpu.aot import Failed, reports
from attnc.runtime.gpu.configs import candidates
from attnc.runtime.gpu.counting import counts
from attnc.runtime.gpu.jobs import FORWARD, jobs
from attnc.runtime.gpu.lower_triton import triton_source
from attnc.runtime.gpu.report import KernelReport
from attnc.runtime.gpu.search import LENGTH, PROCESSES
from attnc.runtime.gpu.targets import find
from benchmarks.gpu_cells import HEADS, Cell
from benchmarks.gpu_matrix import DIMS, REPRESENTATIVE, TARGETS

pytest.importorskip("triton")
MOST = 3  # candidates of a cell
SLICE = (
    Cell("line/longformer", "cuda:sm_80", 32),
    Cell("line/mistral", "cuda:sm_90", 64),
    Cell("score/alibi", "cuda:sm_90", 80),
    Cell("line/longformer", "hip:gfx942", 96),
    Cell("input/document", "hip:gfx942", 128),
    Cell("line/causal", "cuda:sm_90", 128),
    Cell("score/alibi", "cuda:sm_100", 128),
    Cell("line/sparse_transformer_strided", "hip:gfx942", 192),
    Cell("score/alibi", "hip:gfx942", 256),
    Cell("line/sparse_transformer_strided", "cuda:sm_100", 64),
)


def jobs_of(cell: Cell):
    """The jobs of a cell's candidates, most promising first."""
    bound, gpu = load(cell.spec).bind(**cell.parameters), find(cell.target)
    sizes = Sizes(HEADS, HEADS, cell.d, cell.d, dtype="bfloat16")
    for one in islice(candidates(gpu, sizes, counts(bound, sizes, LENGTH)), MOST):
        source = triton_source(bound, sizes, one.config.tile, one.config.triton)
        yield jobs(source, {FORWARD: one.config}, sizes, gpu.target)[FORWARD]


def test_the_slice_covers_everything() -> None:
    assert {cell.spec for cell in SLICE} == set(REPRESENTATIVE)
    assert {cell.target for cell in SLICE} == set(TARGETS)
    assert {cell.d for cell in SLICE} == set(DIMS)


def test_no_kernel_of_the_slice_spills() -> None:
    left = [(cell, jobs_of(cell)) for cell in SLICE]
    for _ in range(MOST):
        found = reports([next(options) for _, options in left], PROCESSES)
        left = [one for one, answer in zip(left, found, strict=True) if not clean(answer)]
    assert not [cell for cell, _ in left]


def clean(answer: KernelReport | Failed) -> bool:
    """Whether a kernel compiled, and neither spills nor serialises its products."""
    if isinstance(answer, Failed):
        return False
    used = answer.resources
    return not used.spills and not used.serialised and len(answer.loops) > 0
