"""Which tile and launch a kernel gets: candidates are compiled, and their machine code judged.

What overflows shared memory, spills registers or serialises MMAs is dropped; the rest is ranked by
the clocks that the pattern's pairs are predicted to take, where a tile that visits more pairs than
it needs, or masks more of them, pays for it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from attnc.codegen.triton.config import TritonSource
from attnc.compiler.counts import Census
from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import NotBuiltForTarget, NothingFits
from attnc.dsl.program import Bound
from attnc.dsl.route_sets import as_sets
from attnc.runtime.gpu.aot import Failed, Job, reports, require_triton
from attnc.runtime.gpu.configs import Candidate, Config, candidates
from attnc.runtime.gpu.counting import counts
from attnc.runtime.gpu.jobs import FORWARD, jobs
from attnc.runtime.gpu.lower_triton import triton_source
from attnc.runtime.gpu.report import KernelReport, LoopReport
from attnc.runtime.gpu.resources import SCHEDULERS
from attnc.runtime.gpu.targets import Gpu

BATCH = 2  # candidates that are compiled together; more only if none of them is clean
LENGTH = 4096  # at which visited tiles are counted
LATENCY = 300.0  # clocks until rows come from the L2 cache
PROCESSES = 2
_CLASS = re.compile(r"_(full|partial)\(")
_FOR = re.compile(r"^ *for ", re.MULTILINE)
Printed = tuple[TritonSource, dict[str, Job]]  # a file, and what is compiled of it


@dataclass(frozen=True, slots=True)
class Tried:
    """A compiled candidate: its report, or why there is none, and why it is not taken.

    `clocks_per_pair` is what one multiprocessor is predicted to take for a pair of the pattern.
    A kernel that `overflows` a block's shared memory cannot be launched.
    """

    config: Config
    report: KernelReport | None
    why_not: str
    clocks_per_pair: float | None
    overflows: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without the report."""
        return {
            **asdict(self.config),
            "why_not": self.why_not,
            "clocks_per_pair": self.clocks_per_pair,
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """The kernel that was chosen, its report and its jobs, and everything that was compiled."""

    kernel: str
    source: TritonSource
    jobs: dict[str, Job]
    chosen: Tried
    tried: tuple[Tried, ...]

    @property
    def report(self) -> KernelReport:
        """Of the kernel with this name in the file."""
        assert self.chosen.report is not None
        return self.chosen.report


def search(bound: Bound, sizes: Sizes, gpu: Gpu, length: int = LENGTH) -> Choice:
    """The best kernel of a spec by the static model, for `length` queries and keys.

    Raises `NothingFits`, and `NotBuiltForTarget` for what the printer lacks.
    """
    require_triton()
    bound = as_sets(bound)
    check_printable(bound, sizes, gpu.target)

    def source(config: Config) -> Printed:
        found = triton_source(bound, sizes, config.tile, config.triton)
        return found, jobs(found, {FORWARD: config}, sizes, gpu.target)

    ordered = candidates(gpu, sizes, counts(bound, sizes, length))
    rank = _instructions if sizes.rows else clocks
    tried = []
    for found in rounds(FORWARD, ordered, source, gpu):
        tried += found.tried
        if found.clean:
            return found.best(rank, tried)
    raise NothingFits(bound.name, gpu.target, limits(tried))


@dataclass(frozen=True, slots=True)
class Round:
    """Candidates that were compiled together: what was printed for each, and what came of it."""

    kernel: str
    printed: dict[Config, Printed]
    tried: list[Tried]

    @property
    def clean(self) -> list[Tried]:
        """Those that nothing is wrong with."""
        return [one for one in self.tried if not one.why_not]

    def best(self, rank: Callable[[Tried], float], tried: Iterable[Tried]) -> Choice:
        """The first in rank of those that are taken, after all that were `tried`."""
        one = min(self.clean or self.tried, key=rank)
        return Choice(self.kernel, *self.printed[one.config], one, tuple(tried))


def rounds(
    kernel: str, ordered: Iterable[Candidate], source: Callable[[Config], Printed], gpu: Gpu
) -> Iterator[Round]:
    """Compiles the named kernel of candidates, some at a time, while more are asked for."""
    for batch in _batches(ordered):
        printed = {one.config: source(one.config) for one in batch}
        found = reports([printed[one.config][1][kernel] for one in batch], PROCESSES)
        pairs = zip(batch, found, strict=True)
        tried = [judged(one, x, printed[one.config][0].text, gpu) for one, x in pairs]
        yield Round(kernel, printed, tried)


def check_printable(bound: Bound, sizes: Sizes, target: str) -> None:
    """Raise `NotBuiltForTarget`, which says where it is built, if Triton has no form of a spec."""
    try:
        triton_source(bound, sizes, planned=False)
    except NotBuiltForTarget as error:
        raise NotBuiltForTarget(error.feature, target, ("cpu",)) from None


def clocks(one: Tried) -> float:
    """The clocks predicted for a pair; 0 where no loop multiplies matrices."""
    return one.clocks_per_pair or 0.0


def _instructions(one: Tried) -> float:
    """What a score of few queries takes: its kernel waits for keys, whatever its clocks."""
    loops = one.report.loops if one.report else ()
    return max((loop.per_element for loop in loops), default=0.0)


def _batches(ordered: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    rest = iter(ordered)
    while batch := list(islice(rest, BATCH)):
        yield batch


def judged(candidate: Candidate, found: KernelReport | Failed, text: str, gpu: Gpu) -> Tried:
    """What came of a candidate, of a file's `text`."""
    if isinstance(found, Failed):
        return Tried(candidate.config, None, found.reason, None)
    wait = _wait(found) if candidate.config.num_stages == 1 else 0.0
    predicted = clocks_of(found.loops, text, candidate.visits, wait)
    overflows = found.resources.shared > gpu.block_shared
    faults = "; ".join(_faults(found, gpu))
    return Tried(candidate.config, found, faults, predicted, overflows)


def _wait(report: KernelReport) -> float:
    """Clocks that a tile waits for rows that are not copied ahead, shared with other warps."""
    return LATENCY / max(1.0, report.occupancy.blocks * report.resources.warps / SCHEDULERS)


def _faults(report: KernelReport, gpu: Gpu) -> Iterator[str]:
    """What is wrong with a kernel, each with the limit that it meets."""
    used = report.resources
    if used.shared > gpu.block_shared:
        yield f"takes {used.shared:,} bytes of shared memory, a block has {gpu.block_shared:,}"
    if used.spills:
        yield f"spills {used.spills:,} bytes with {used.registers} registers a thread"
    if used.serialised:
        yield f"serialises its MMAs with {used.registers} registers a thread"


def clocks_of(
    loops: Sequence[LoopReport], text: str, visits: Census, wait: float = 0.0
) -> float | None:
    """Clocks for each useful pair, when a tile takes `wait` more than an iteration of its loop.

    None for a kernel whose loops have no MMA.
    """
    by_class: dict[str, float] = {}
    for loop in loops:
        name = tile_class(loop, text)
        by_class[name] = max(by_class.get(name, 0.0), loop.bound.clocks + wait)
    if not {"full", "partial"} & {*by_class}:
        return None
    most = max(x for name, x in by_class.items() if name)  # of a class that has no loop of its own
    full, partial = (by_class.get(name, most) for name in ("full", "partial"))
    return (visits.full * full + visits.partial * partial) / max(1, visits.useful)


def tile_class(loop: LoopReport, text: str) -> str:
    """`full` or `partial`: the function that a loop calls; "" for one around others."""
    below = "\n".join(text.splitlines()[max(0, loop.line - 1) :])
    found = _CLASS.search(below)
    if found is None or not loop.line:
        return "full"
    return found[1] if len(_FOR.findall(below[: found.start()])) == 1 else ""


def limits(tried: Sequence[Tried]) -> str:
    """The limits that the last candidates met."""
    return "; ".join(f"{one.config}: {one.why_not}" for one in tried[-2:])
