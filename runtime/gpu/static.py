"""What the machine code of a spec's kernel says, on a machine without that GPU."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from attnc.compiler.elaborate import Sizes
from attnc.compiler.segments import steps_of
from attnc.dsl.errors import InvalidValue
from attnc.dsl.loader import load
from attnc.dsl.program import Bound
from attnc.runtime.calls.inputs import dtype_name
from attnc.runtime.calls.options import parse_dtype
from attnc.runtime.cpu.few import decoding
from attnc.runtime.cpu.lower import sizes_for
from attnc.runtime.gpu.few import tile_rows
from attnc.runtime.gpu.gradients import OWNERS, search_gradient
from attnc.runtime.gpu.lower_triton import declared_grad
from attnc.runtime.gpu.report import LoopReport
from attnc.runtime.gpu.resources import Occupancy, Resources
from attnc.runtime.gpu.search import LENGTH, Choice, Tried, search, tile_class
from attnc.runtime.gpu.targets import Gpu, find


@dataclass(frozen=True, slots=True)
class StaticLoop:
    """A loop over tiles of one class, `full` or `partial`, or around others ("").

    `counts` are the instructions of a warp in one iteration, by what they do; `per_element` those
    other than MMAs for each score; `clocks` an iteration of a block, predicted, `pipe` what bounds
    it and `issue_over_mma` (i/M) above 1 where the loop cannot feed the tensor cores. `mma_share`
    is the share of the clocks in which they work.
    """

    tile_class: str
    line: int
    counts: Mapping[str, int]
    per_element: float
    issue_over_mma: float
    pipe: str
    clocks: float
    mma_share: float


@dataclass(frozen=True, slots=True)
class StaticAnalysis:
    """A `kernel` that a spec gets on a GPU, judged by its machine code; nothing here is a time.

    `clocks_per_pair` is what one multiprocessor is predicted to take for a pair of the pattern at
    `seq` queries and keys, None where no loop multiplies matrices (float32). `tried` are the
    candidates that were compiled, in order, and why each was not taken.
    """

    name: str
    kernel: str
    target: str
    dtype: str
    head_dim: int
    value_dim: int
    seq: int
    tile: tuple[int, int]
    num_warps: int
    num_stages: int
    descriptors: bool
    resources: Resources
    occupancy: Occupancy
    loops: tuple[StaticLoop, ...]
    clocks_per_pair: float | None
    tried: tuple[Tried, ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data, as the command's `--json` prints them."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return fields | {
            "resources": asdict(self.resources),
            "occupancy": asdict(self.occupancy),
            "loops": [asdict(loop) for loop in self.loops],
            "tried": [one.to_dict() for one in self.tried],
        }


def analyze_static(
    spec: str | os.PathLike[str],
    *,
    target: str,
    dtype: str = "bf16",
    head_dim: int = 64,
    value_dim: int | None = None,
    heads: int | None = None,
    kv_heads: int | None = None,
    seq: int = LENGTH,
    decode: bool = False,
    gradient: str = "",
    **parameters: Any,
) -> StaticAnalysis:
    """Compile candidates of a spec for a GPU that need not be there, and judge the best one.

    Tiles are counted for `seq` queries and keys, on a grid for usual extents; with `decode`, for
    the last query, by the kernel that packs the heads of a group and splits keys. With `gradient`,
    `q` or `k`, it is the kernel of dQ, or that of dK and dV, with those of the inputs that the spec
    declares `grad`. Of a spec with segments it is the attention among the points of the grid.
    Raises `AttnError`: an unknown target, a spec that has no Triton form yet, triton not installed,
    nothing that fits.
    """
    gpu, bound = find(target), _on_grid(load(spec).bind(**parameters), heads, kv_heads)
    sizes = sizes_for(
        bound,
        dtype=dtype_name(parse_dtype(dtype, target)),
        head_dim=head_dim,
        value_dim=value_dim,
        heads=heads,
        kv_heads=kv_heads,
    )
    if decode:
        sizes = decoding(bound, sizes, heads, kv_heads, partial(tile_rows, 1))
    if not gradient:
        return described(bound, sizes, gpu, search(bound, sizes, gpu, seq), seq)
    if gradient not in OWNERS:
        raise InvalidValue("gradient", "`q` or `k`", f"`{gradient}`")
    choice = search_gradient(bound, sizes, gpu, gradient, declared_grad(bound), seq)
    return described(bound, sizes, gpu, choice, seq)


def _on_grid(bound: Bound, heads: int | None, kv_heads: int | None) -> Bound:
    """The spec or, of one with segments, its attention among the points of the grid."""
    if not bound.segments:
        return bound
    steps = (step.bound for step in steps_of(bound, heads, kv_heads))
    return next((one for one in steps if one.place is not None and one.place.on_grid), bound)


def described(bound: Bound, sizes: Sizes, gpu: Gpu, choice: Choice, seq: int) -> StaticAnalysis:
    """What is said of a choice."""
    report, config = choice.report, choice.chosen.config
    return StaticAnalysis(
        name=bound.name,
        kernel=choice.kernel,
        target=gpu.target,
        dtype=sizes.dtype,
        head_dim=sizes.head_dim,
        value_dim=sizes.value_dim,
        seq=seq,
        tile=config.tile,
        num_warps=config.num_warps,
        num_stages=config.num_stages,
        descriptors=config.descriptors,
        resources=report.resources,
        occupancy=report.occupancy,
        loops=tuple(_loop(loop, choice.source.text) for loop in report.loops),
        clocks_per_pair=choice.chosen.clocks_per_pair,
        tried=choice.tried,
    )


def _loop(loop: LoopReport, text: str) -> StaticLoop:
    bound = loop.bound
    return StaticLoop(
        tile_class=tile_class(loop, text),
        line=loop.line,
        counts=loop.counts,
        per_element=loop.per_element,
        issue_over_mma=bound.issue_over_mma,
        pipe=bound.pipe,
        clocks=bound.clocks,
        mma_share=bound.cycles["mma"] / bound.clocks,
    )
