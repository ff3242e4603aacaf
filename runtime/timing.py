"""Paired timing: two callables take turns in one process, so that noise meets both alike."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Seconds of the first and the second callable, turn by turn."""

    first: tuple[float, ...]
    second: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Lower quartile, median and upper quartile of how many times as long the second took.

        >>> Pairs((1.0, 1.0, 2.0), (2.0, 3.0, 3.0)).ratios
        (1.75, 2.0, 2.5)
        """
        paired = [b / a for a, b in zip(self.first, self.second, strict=True)]
        low, middle, high = quantiles(paired, n=4, method="inclusive")
        return low, middle, high

    @property
    def seconds(self) -> tuple[float, float]:
        """The median times."""
        return median(self.first), median(self.second)


def take_turns(first: Work, second: Work, turns: int, warmup: int = 2) -> Pairs:
    """Time both alternately, `turns` (at least 2) times each, after warming up."""
    for _ in range(warmup):
        first()
        second()
    times = [(_seconds(first), _seconds(second)) for _ in range(turns)]
    return Pairs(tuple(a for a, _ in times), tuple(b for _, b in times))


def _seconds(work: Work) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start
