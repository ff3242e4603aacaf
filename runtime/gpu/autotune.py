"""Which clean config is fastest on the GPU that is there: measured, and kept for that device."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from attnc.compiler.elaborate import Sizes
from attnc.dsl.program import Bound
from attnc.runtime.gpu import tuned
from attnc.runtime.gpu.configs import Config, first_guess
from attnc.runtime.gpu.devices import interpreted, resolve
from attnc.runtime.gpu.launch import GpuKernel, with_config
from attnc.runtime.gpu.search import search
from attnc.runtime.gpu.targets import find
from attnc.runtime.gpu.timing import seconds

STAGES = (2, 3)  # the static model cannot tell how deep a pipeline should be
LEAST_TURNS = 3


@dataclass(frozen=True, slots=True)
class Tuned:
    """The fastest config, the median seconds of each, and where the choice is kept."""

    config: Config
    seconds: Mapping[Config, float]
    file: Path


def tune(
    bound: Bound, sizes: Sizes, target: str, call: Callable[[GpuKernel], object], limit: float
) -> Tuned:
    """Time the clean candidates of the search in turns, for about `limit` seconds after compiling.

    `call` runs a kernel on the tensors to tune for.
    """
    target = resolve(target)
    works = {
        config: partial(call, with_config(bound, sizes, config))
        for config in _candidates(bound, sizes, target)
    }
    for work in works.values():  # the JIT compiles
        work()
    times: dict[Config, list[float]] = {config: [] for config in works}
    start, turns = perf_counter(), 0
    while turns < LEAST_TURNS or perf_counter() - start < limit:
        for config, work in works.items():
            times[config].append(seconds(work))
        turns += 1
    medians = {config: median(found) for config, found in times.items()}
    best = min(medians, key=lambda config: medians[config])
    return Tuned(best, medians, tuned.store(bound, sizes, target, best))


def _candidates(bound: Bound, sizes: Sizes, target: str) -> Sequence[Config]:
    gpu = find(target)
    if interpreted():
        first = first_guess(gpu, sizes)
        return [first, replace(first, tile_q=64, tile_k=64)]
    clean = [one.config for one in search(bound, sizes, gpu).tried if not one.why_not]
    return [replace(config, num_stages=stages) for config in clean for stages in STAGES]
