"""The tiles and launches of the gradients' kernels: that of dQ, and that of dK and dV.

Each has a choice of its own, made as that of the forward kernel: candidates in the order of a guess
are compiled, two at a time, and the clean one wins that is predicted to take the fewest clocks.
Where all spill, what spills least is taken: slow gradients are better than none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product

from attnc.codegen.triton.backward import NAMES
from attnc.compiler.counts import Census
from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import NothingFits
from attnc.dsl.program import Bound
from attnc.dsl.route_sets import as_sets
from attnc.runtime.gpu.aot import require_triton
from attnc.runtime.gpu.configs import ITEM_BYTES, MASK, Candidate, Config
from attnc.runtime.gpu.counting import Counted, counts
from attnc.runtime.gpu.jobs import jobs
from attnc.runtime.gpu.lower_triton import Backward, gradient_source
from attnc.runtime.gpu.search import LENGTH, Choice, Printed, Tried, clocks, limits, rounds
from attnc.runtime.gpu.targets import Gpu

OWNERS = ("q", "k")
OWNED, VISITED, WARPS, STAGES = (64, 128, 32, 16), (64, 128, 32, 16), (4, 8), (2, 1)
ROUNDS = 7
# Guesses of the instructions of a score: the weights and their gradient, more warps that wait for
# each other, stages where registers are short, copies by descriptors of four operands a tile, each
# eight numbers in a thread that is crowded.
BASE, SYNC, STAGED, COPIED, CROWDED = 6.0, 0.25, 4.0, 3.0, 1.0
# Scores and accumulators of 32 bits in a thread. Products of float32 have whole rows of their
# factors in registers, too: so many numbers beside them where q's and v's columns are 128 together.
ROOMY, ROOMY_FLOAT32, MOST = 160, {"q": 16, "k": 48}, 200


def search_backward(
    bound: Bound, sizes: Sizes, gpu: Gpu, wanted: Sequence[str], length: int = LENGTH
) -> dict[str, Choice]:
    """The choice for each kernel by its name in a file, for `length` queries and keys."""
    found = (search_gradient(bound, sizes, gpu, owner, wanted, length) for owner in OWNERS)
    return {choice.kernel: choice for choice in found}


def search_gradient(
    bound: Bound, sizes: Sizes, gpu: Gpu, owner: str, wanted: Sequence[str], length: int = LENGTH
) -> Choice:
    """The best kernel of those that own queries (dQ), or keys, by the static model.

    Raises `NothingFits`, and `NotBuiltForTarget` for what the printer lacks.
    """
    require_triton()
    bound = as_sets(bound)
    name = NAMES[owner]

    def source(config: Config) -> Printed:
        found = gradient_source(bound, sizes, owner, config.tile, config.triton, wanted)
        return found, jobs(found, {name: config}, sizes, gpu.target)

    tried: list[Tried] = []
    least: Choice | None = None
    ordered = candidates(gpu, sizes, owner, counts(bound, sizes, length))
    for found in islice(rounds(name, ordered, source, gpu), ROUNDS):
        tried += found.tried
        if found.clean:
            return found.best(clocks, tried)
        here = found.best(_spills, tried)
        if _spills(here.chosen) < (_spills(least.chosen) if least else float("inf")):
            least = here
    if least is None:
        raise NothingFits(bound.name, gpu.target, limits(tried))
    return least


def backward_of(choices: Mapping[str, Choice]) -> Backward:
    """What the printer is told."""
    queries, keys = (choices[NAMES[owner]].chosen.config for owner in OWNERS)
    return Backward(queries.tile, keys.tile, queries.triton, keys.triton)


def candidates(gpu: Gpu, sizes: Sizes, owner: str, counted: Counted) -> list[Candidate]:
    """What fits by its size alone, in the order to try."""
    found = []
    for config in _fitting(gpu, sizes, owner):
        visits = counted(config.tile)
        found.append(Candidate(config, visits, _guess(gpu, sizes, owner, config, visits)))
    return sorted(found, key=lambda one: one.guess)


def _spills(one: Tried) -> float:
    """What a kernel spills; one that does not run spills without end."""
    if one.report is None or one.overflows:
        return float("inf")
    return one.report.resources.spills


def _fitting(gpu: Gpu, sizes: Sizes, owner: str) -> Iterator[Config]:
    wide = (sizes.head_dim + sizes.value_dim) * ITEM_BYTES[sizes.dtype]
    for owned, visited, warps, stages in product(OWNED, VISITED, WARPS, STAGES):
        tile = (owned, visited) if owner == "q" else (visited, owned)
        config = Config(*tile, warps, stages)
        fits = (owned + visited * stages) * wide <= gpu.block_shared
        rows = _simt(sizes) or owned >= 8 * warps
        if fits and rows and _numbers(gpu, sizes, owner, config) <= MOST:
            yield config
            if gpu.descriptors and not _simt(sizes) and not sizes.sequences:
                yield replace(config, descriptors=True)


def _simt(sizes: Sizes) -> bool:
    """Whether lanes multiply number by number: float32 has no products of matrix units."""
    return sizes.dtype == "float32"


def _sides(owner: str, config: Config) -> tuple[int, int]:
    """Rows owned and visited."""
    return config.tile if owner == "q" else (config.tile_k, config.tile_q)


def _numbers(gpu: Gpu, sizes: Sizes, owner: str, config: Config) -> float:
    """Scores, their gradients and accumulators that a thread holds."""
    owned, visited = _sides(owner, config)
    columns = sizes.head_dim + (sizes.value_dim if owner == "k" else 0)
    return owned * (columns + 2 * visited) / (gpu.warp * config.num_warps)


def _guess(gpu: Gpu, sizes: Sizes, owner: str, config: Config, visits: Census) -> float:
    """Instructions for each pair of the pattern."""
    owned, visited = _sides(owner, config)
    simt, columns = _simt(sizes), sizes.head_dim + sizes.value_dim
    roomy = ROOMY_FLOAT32[owner] * 128 / columns if simt else ROOMY
    each = BASE + columns / owned / 8 + 48 / visited
    each += SYNC * config.num_warps / 4
    if not gpu.tensor_memory:
        each += CROWDED * max(0.0, _numbers(gpu, sizes, owner, config) - roomy) / 8
        if owner == "k":
            each += STAGED * (config.num_stages > 1) + COPIED * config.descriptors
    masked = MASK * visits.partial / max(1, visits.full + visits.partial)
    # Rows of an MMA that warps share cost each of them.
    twice = 1.0 if simt else max(1.0, 16 * config.num_warps / owned)
    return (each + masked) * twice * visits.visited / max(1, visits.useful)
