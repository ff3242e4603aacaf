"""Whether attnc leaves PyTorch's own speed alone: matrix products in two processes, in turns."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.measure import Figures

TURNS, WARMUP = 61, 5


def measure(budget: float) -> Figures:
    """Seconds of products in a process that has just used attnc, and in one that never heard."""
    with Child("attnc") as ours, Child("plain") as plain:
        times = [(ours.seconds(), plain.seconds()) for _ in range(WARMUP + TURNS)]
    first, second = zip(*times[WARMUP:], strict=True)
    return Figures(first, second)


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
