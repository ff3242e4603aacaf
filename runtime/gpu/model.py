"""A static model of a loop: which pipe bounds it, and about how many clocks a score takes.

Each class of instructions keeps one pipe busy. A warp by itself issues its instructions and waits
for its MMAs; the more warps a scheduler has, the more of that hides behind the busiest pipe. Coarse
as it is, it ranks tiles by what differs between them: instructions for each score, and occupancy.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from attnc.runtime.gpu.resources import SCHEDULERS, Occupancy
from attnc.runtime.gpu.targets import Gpu

INTEGER_LANES = 64  # for integers, comparisons and conversions, on every architecture here
_INTEGER = ("compare, select", "integer", "convert")


@dataclass(frozen=True, slots=True)
class Bound:
    """Clocks of one iteration of one block by pipe, on one of the four schedulers.

    `pipe` is the busiest; `issue_over_mma` (i/M) above 1 means that the loop cannot feed the
    tensor cores, whatever overlaps; `clocks` estimates an iteration with this occupancy.
    """

    pipe: str
    cycles: Mapping[str, float]
    issue_over_mma: float
    clocks: float


def bound_of(gpu: Gpu, counts: Mapping[str, int], warps: int, flop: int, busy: Occupancy) -> Bound:
    """The bound of a loop from the counts of its instructions."""
    # Warps of a block on a scheduler; less than one where blocks share the schedulers.
    each = warps / SCHEDULERS if busy.blocks * warps >= SCHEDULERS else 1.0
    # Times instructions, over the lanes of a multiprocessor: clocks.
    lane = gpu.warp * SCHEDULERS * each
    pairs = 2 if gpu.backend == "cuda" else 1  # AMD's packed arithmetic has twice the lanes
    floats = counts.get("float", 0) + pairs * counts.get("packed float", 0)
    integers = sum(counts.get(name, 0) for name in _INTEGER)
    cycles = {
        "issue": sum(counts.values()) * each,
        "mma": flop / gpu.mma,
        "exp": counts.get("exp", 0) * lane / gpu.exp,
        "float": floats * lane / gpu.lanes,
        "integer": integers * lane / INTEGER_LANES,
    }
    if gpu.backend == "hip":  # one vector unit does all of these
        cycles["vector"] = sum(cycles.pop(name) for name in ("exp", "float", "integer"))
    pipe = max(cycles, key=lambda name: cycles[name])
    alone = cycles["issue"] + cycles["mma"]
    together = max(1, busy.blocks) * each
    clocks = cycles[pipe] + max(0.0, alone - cycles[pipe]) / together
    return Bound(pipe, cycles, cycles["issue"] / cycles["mma"] if flop else 0.0, clocks)
