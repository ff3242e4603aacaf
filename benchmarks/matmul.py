"""Whether attnc leaves PyTorch's own speed alone: matrix products in two processes, in turns."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.measure import Figures

# Where a process's matrices happen to lie moves its figure by some 20%: many processes, few turns.
PROCESSES, TURNS, WARMUP = 8, 7, 2


def measure(budget: float) -> Figures:
    """Seconds of products in processes that have just used attnc, and in some that never heard."""
    times = [pair for _ in range(PROCESSES) for pair in turns()]
    first, second = zip(*times, strict=True)
    return Figures(first, second)


def turns() -> list[tuple[float, float]]:
    """Paired seconds of two new processes."""
    with Child("attnc") as ours, Child("plain") as plain:
        return [(ours.seconds(), plain.seconds()) for _ in range(WARMUP + TURNS)][WARMUP:]


class Child:
    """A process of `product.py`; it sleeps while it is not asked."""

    def __init__(self, role: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.product", role],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.communicate()

    def seconds(self) -> float:
        """The time of its products, now."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())
