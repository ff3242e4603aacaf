"""Which height of a query tile is fastest, measured: `attnc bench --tune` finds and keeps it.

A result belongs to a spec with its parameters, a specialisation, a CPU and this compiler: its file
is named by the same digest as the kernel, so that a stale one is never found.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter

from attnc.compiler.elaborate import Sizes
from attnc.runtime import cache
from attnc.runtime.timing import Work, seconds

LEAST_TURNS = 3


@dataclass(frozen=True, slots=True)
class Tuned:
    """The measured heights with the median seconds of a call, turn by turn in one process.

    `height` are the rows of the fastest; `chosen` those that the cost model takes.
    """

    height: int
    chosen: int
    seconds: Mapping[int, float]
    turns: int


def measure(works: Mapping[int, Work], chosen: int, limit: float) -> Tuned:
    """Time the kernels of several heights in turns, for about `limit` seconds."""
    for work in works.values():
        work()
    times: dict[int, list[float]] = {height: [] for height in works}
    start, turns = perf_counter(), 0
    while turns < LEAST_TURNS or perf_counter() - start < limit:
        for height, work in works.items():
            times[height].append(seconds(work))
        turns += 1
    medians = {height: median(found) for height, found in times.items()}
    return Tuned(min(medians, key=lambda height: medians[height]), chosen, medians, turns)


def heights(rows: Sequence[int], chosen: int) -> list[int]:
    """The heights to try, the chosen first."""
    return [chosen, *(height for height in rows if height != chosen)]


def path(digest: str) -> Path:
    """Where the result of a kernel is kept."""
    return cache.root() / "tuned" / f"{digest}.json"


def store(digest: str, found: Tuned) -> Path:
    """Keep a result for this and later processes."""
    place = path(digest)
    cache.replace(place, json.dumps({"height": found.height}) + "\n")
    return place


def applied(sizes: Sizes, digest: str) -> Sizes:
    """The sizes with the tuned height, where the kernel of this digest has one."""
    if sizes.height or sizes.rows:
        return sizes
    try:
        height = json.loads(path(digest).read_text())["height"]
        return replace(sizes, height=int(height))
    except (OSError, ValueError, TypeError, KeyError):
        return sizes
