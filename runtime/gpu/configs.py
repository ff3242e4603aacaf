"""The tiles and launches that are worth compiling, most promising first.

What an element costs before anything is compiled is a guess from its parts: the softmax, the
rescaling of the accumulator once for each visited tile, and the mask in partial tiles. It decides
only in which order candidates are compiled; `attnc.runtime.gpu.search` judges their machine code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from attnc.codegen.triton.config import TritonConfig
from attnc.compiler.counts import Census
from attnc.compiler.elaborate import Sizes
from attnc.runtime.gpu.few import height
from attnc.runtime.gpu.targets import Gpu

HEIGHTS, WIDTHS, WARPS = (128, 64, 32, 16), (128, 64, 32, 16), (8, 4)
STAGES = 2
# Of few queries: all time goes into reading keys, which wants copies in flight, and few warps,
# among which sums have to be exchanged.
FEW_WIDTHS, FEW_WARPS, FEW_STAGES = (64, 128, 32), (2, 4, 1), 3
ROWS_OF_A_WARP = {32: 16, 64: 32}  # of an MMA, by the width of a warp
ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
# 32-bit registers of a thread for its scores and accumulators; the rest is for all else.
COMFORT, MOST = {32: 112, 64: 160}, {32: 160, 64: 320}  # by the width of a warp
FREED, SNUG = 16, 0.25  # more where keys come by descriptors, without addresses: what that costs
SOFTMAX, MASK, CROWDED = 5.0, 4.0, 4.0  # instructions for each element
# Where accumulators lie in tensor memory: of each warp 32 rows, which more warps share out.
IN_TENSOR_MEMORY, SHARED = 200, 1.3


@dataclass(frozen=True, slots=True)
class Config:
    """Rows of queries and keys of a tile, and how its kernel is launched and reads them."""

    tile_q: int
    tile_k: int
    num_warps: int
    num_stages: int = STAGES
    descriptors: bool = False

    @property
    def tile(self) -> tuple[int, int]:
        """Queries and keys."""
        return self.tile_q, self.tile_k

    @property
    def triton(self) -> TritonConfig:
        """What the printer is told."""
        return TritonConfig(self.num_warps, self.num_stages, descriptors=self.descriptors)

    @property
    def launch(self) -> dict[str, int]:
        """What Triton's compiler is told."""
        return {"num_warps": self.num_warps, "num_stages": self.num_stages}

    def __str__(self) -> str:
        launch = f"{self.num_warps} warps, {self.num_stages} stage{'s' * (self.num_stages > 1)}"
        copies = ", descriptors" if self.descriptors else ""
        return f"{self.tile_q}x{self.tile_k}, {launch}{copies}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A config with the tiles that the pattern visits then, and the guess for each pair."""

    config: Config
    visits: Census
    guess: float


def candidates(
    gpu: Gpu, sizes: Sizes, counted: Callable[[tuple[int, int]], Census]
) -> list[Candidate]:
    """What fits into registers and shared memory by its size alone, in the order to try.

    `counted` gives the tiles that the pattern visits, by the queries and keys of one.
    """
    found = []
    for one in _fitting(gpu, sizes):
        visits = counted(one.tile)
        found.append(Candidate(one, visits, _guess(gpu, sizes, one, visits)))
    return sorted(found, key=lambda one: one.guess)


def fits_any(gpu: Gpu, sizes: Sizes) -> bool:
    """Whether any config fits by its size alone."""
    return bool(_fitting(gpu, sizes))


def first_guess(gpu: Gpu, sizes: Sizes) -> Config:
    """A config where no machine code is made, as in the interpreter: the greatest that fits."""
    return max(_fitting(gpu, sizes), key=lambda one: one.tile)


def _fitting(gpu: Gpu, sizes: Sizes) -> list[Config]:
    every = _few(sizes.rows) if sizes.rows else _every(gpu.descriptors)
    return [one for one in every if _fits(gpu, sizes, one)]


def _few(rows: int) -> Sequence[Config]:
    return [Config(height(rows), *one, FEW_STAGES) for one in product(FEW_WIDTHS, FEW_WARPS)]


def _every(descriptors: bool) -> Sequence[Config]:
    shapes = (one for one in product(HEIGHTS, WIDTHS, WARPS) if one[0] >= one[2] * 4)
    return [Config(*one, descriptors=descriptors) for one in shapes]


def _fits(gpu: Gpu, sizes: Sizes, config: Config) -> bool:
    """Whether size alone rules a config out: numbers of a thread, bytes of a block."""
    rows = sizes.head_dim * config.tile_q
    keys = (sizes.head_dim + sizes.value_dim) * config.tile_k * (config.num_stages - 1)
    fits = (rows + keys) * ITEM_BYTES[sizes.dtype] <= gpu.block_shared
    most = IN_TENSOR_MEMORY if gpu.tensor_memory else MOST[gpu.warp]
    return fits and _numbers(gpu, sizes, config) <= most


def _numbers(gpu: Gpu, sizes: Sizes, config: Config) -> float:
    """Scores and accumulators that a thread holds; warps of few queries share out keys."""
    rows = config.tile_q if sizes.rows else max(config.tile_q, _rows(gpu, config))
    return rows * (config.tile_k + sizes.value_dim) / (gpu.warp * config.num_warps)


def _rows(gpu: Gpu, config: Config) -> int:
    """The rows that the warps of a block hold; beyond those of the tile, warps share rows."""
    return ROWS_OF_A_WARP[gpu.warp] * config.num_warps


def _guess(gpu: Gpu, sizes: Sizes, config: Config, visits: Census) -> float:
    """Instructions for each pair of the pattern; of few queries the order is given."""
    if sizes.rows:
        return 0.0
    each = SOFTMAX + sizes.value_dim / config.tile_k + 32 / config.tile_q
    if gpu.tensor_memory:
        each *= SHARED if config.tile_q < gpu.warp * config.num_warps else 1.0
    else:
        each += _crowding(gpu, config, _numbers(gpu, sizes, config))
        each *= max(1.0, _rows(gpu, config) / config.tile_q)
    masked = MASK * visits.partial / max(1, visits.full + visits.partial)
    return (each + masked) * visits.visited / max(1, visits.useful)


def _crowding(gpu: Gpu, config: Config, numbers: float) -> float:
    """What it costs an element that a thread holds so many numbers."""
    more = numbers - COMFORT[gpu.warp]
    if more <= 0:
        return 0.0
    return SNUG if config.descriptors and more <= FREED else CROWDED
