"""Which tile and launch a kernel gets: candidates are compiled, and their machine code judged.

What overflows shared memory, spills registers or serialises MMAs is dropped; the rest is ranked by
the clocks that the pattern's pairs are predicted to take, where a tile that visits more pairs than
it needs, or masks more of them, pays for it.
"""

import re
from collections.abc import Iterator, Sequence
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
from attnc.runtime.gpu.report import KernelReport, LoopReport
from attnc.runtime.gpu.targets import Gpu
from attnc.runtime.lower_triton import triton_source

BATCH = 2  # candidates that are compiled together; more only if none of them is clean
LENGTH = 4096  # at which visited tiles are counted
PROCESSES = 2
_CLASS = re.compile(r"_(full|partial)\(")


@dataclass(frozen=True, slots=True)
class Tried:
    """A compiled candidate: its report, or why there is none, and why it is not taken.

    `clocks_per_pair` is what one multiprocessor is predicted to take for a pair of the pattern.
    """

    config: Config
    report: KernelReport | None
    why_not: str
    clocks_per_pair: float | None

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

    source: TritonSource
    jobs: dict[str, Job]
    chosen: Tried
    tried: tuple[Tried, ...]

    @property
    def report(self) -> KernelReport:
        """Of the forward kernel."""
        assert self.chosen.report is not None
        return self.chosen.report


def search(bound: Bound, sizes: Sizes, gpu: Gpu, length: int = LENGTH) -> Choice:
    """The best kernel of a spec by the static model, for `length` queries and keys.

    Raises `NothingFits`, and `NotBuiltForTarget` for what the printer lacks.
    """
    require_triton()
    bound = as_sets(bound)
    check_printable(bound, sizes, gpu.target)
    printed: dict[Config, tuple[TritonSource, dict[str, Job]]] = {}
    tried: list[Tried] = []
    for batch in _batches(candidates(gpu, sizes, counts(bound, sizes, length))):
        for one in batch:
            source = triton_source(bound, sizes, one.config.tile, one.config.triton)
            printed[one.config] = source, jobs(source, one.config, sizes, gpu.target)
        found = reports([printed[one.config][1][FORWARD] for one in batch], PROCESSES)
        for one, answer in zip(batch, found, strict=True):
            tried.append(_judged(one, answer, printed[one.config][0].text, gpu))
        clean = [one for one in tried if not one.why_not]
        if clean:
            best = min(clean, key=_instructions if sizes.rows else _clocks)
            return Choice(*printed[best.config], best, tuple(tried))
    raise NothingFits(bound.name, gpu.target, _limits(tried))


def check_printable(bound: Bound, sizes: Sizes, target: str) -> None:
    """Raise `NotBuiltForTarget`, which says where it is built, if Triton has no form of a spec."""
    try:
        triton_source(bound, sizes, planned=False)
    except NotBuiltForTarget as error:
        raise NotBuiltForTarget(error.feature, target, ("cpu",)) from None


def _clocks(one: Tried) -> float:
    return one.clocks_per_pair or 0.0


def _instructions(one: Tried) -> float:
    """What a score of few queries takes: its kernel waits for keys, whatever its clocks."""
    loops = one.report.loops if one.report else ()
    return max((loop.per_element for loop in loops), default=0.0)


def _batches(ordered: list[Candidate]) -> Iterator[list[Candidate]]:
    rest = iter(ordered)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _judged(candidate: Candidate, found: KernelReport | Failed, text: str, gpu: Gpu) -> Tried:
    if isinstance(found, Failed):
        return Tried(candidate.config, None, found.reason, None)
    clocks = clocks_of(found.loops, text, candidate.visits)
    return Tried(candidate.config, found, "; ".join(_faults(found, gpu)), clocks)


def _faults(report: KernelReport, gpu: Gpu) -> Iterator[str]:
    """What is wrong with a kernel, each with the limit that it meets."""
    used = report.resources
    if used.shared > gpu.block_shared:
        yield f"takes {used.shared:,} bytes of shared memory, a block has {gpu.block_shared:,}"
    if used.spills:
        yield f"spills {used.spills:,} bytes with {used.registers} registers a thread"
    if used.serialised:
        yield f"serialises its MMAs with {used.registers} registers a thread"


def clocks_of(loops: Sequence[LoopReport], text: str, visits: Census) -> float | None:
    """Clocks for each useful pair; None for a kernel whose loops have no MMA."""
    by_class: dict[str, float] = {}
    for loop in loops:
        name = tile_class(loop, text)
        by_class[name] = max(by_class.get(name, 0.0), loop.bound.clocks)
    if not by_class:
        return None
    most = max(by_class.values())  # of a class that has no loop of its own
    full, partial = (by_class.get(name, most) for name in ("full", "partial"))
    return (visits.full * full + visits.partial * partial) / max(1, visits.useful)


def tile_class(loop: LoopReport, text: str) -> str:
    """`full` or `partial`: the function that a loop calls."""
    below = "\n".join(text.splitlines()[max(0, loop.line - 1) :])
    found = _CLASS.search(below)
    return found[1] if found else "full"


def _limits(tried: Sequence[Tried]) -> str:
    """The limits that the last candidates met."""
    return "; ".join(f"{one.config}: {one.why_not}" for one in tried[-2:])
