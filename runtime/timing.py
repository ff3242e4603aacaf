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
    def ratios(self) -> list[float]:
        """How many times as long the second took as the first, turn by turn."""
        return [b / a for a, b in zip(self.first, self.second, strict=True)]

    @property
    def speedup(self) -> float:
        """The median of the paired ratios.

        >>> Pairs((1.0, 1.0, 2.0), (2.0, 3.0, 3.0)).speedup
        2.0
        """
        return median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles of the paired ratios."""
        low, _, high = quantiles(self.ratios, method="inclusive")
        return low, high

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """Lower quartile, median and upper quartile of the paired ratios."""
        low, high = self.spread
        return low, self.speedup, high

    @property
    def seconds(self) -> tuple[float, float]:
        """The median times."""
        return median(self.first), median(self.second)


def take_turns(first: Work, second: Work, *, turns: int = 11, warmup: int = 2) -> Pairs:
    """Time `first` and `second` alternately, `turns` (at least 2) times each, after warming up."""
    for _ in range(warmup):
        first()
        second()
    times = [(seconds(first), seconds(second)) for _ in range(turns)]
    return Pairs(*zip(*times, strict=True))


def seconds(work: Work) -> float:
    """How long one call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start
