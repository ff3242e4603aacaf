"""From a spec to a first result, as a user waits for it in a new process: imports aside.

`python -m benchmarks.first_call attnc` prints the seconds in one process; `cold` and `cached` start
such processes with an empty and with a filled cache.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

import attnc
from attnc.runtime import peers
from attnc.runtime.timing import seconds
from benchmarks.measure import Figures

RUNS = 3
CACHES = {"attnc": "ATTNC_CACHE_DIR", "FlexAttention": "TORCHINDUCTOR_CACHE_DIR"}


def attnc_seconds() -> float:
    """Seconds from `line/mistral` to its first output; imports and LLVM's start are not counted."""
    q, k, v = torch.randn(3, 1, 4, 512, 64)
    attnc.compile("line/causal")(q, k, v)
    return seconds(lambda: attnc.compile("line/mistral", w=251)(q, k, v))


def flex_seconds() -> float:
    """Seconds from the same mask to FlexAttention's first output; torch.compile has started."""
    q, k, v = torch.randn(3, 1, 4, 512, 64)
    torch.compile(lambda x: x + 1)(q)
    bound = attnc.compile("line/mistral", w=251).bound
    return seconds(lambda: peers.flex(bound, q, k, v, {})())


def cold(budget: float) -> Figures:
    """Both with empty caches, in turns."""
    times: dict[str, list[float]] = {who: [] for who in CACHES}
    for _ in range(RUNS):
        for who, found in times.items():
            with tempfile.TemporaryDirectory() as folder:
                found.append(_in_process(who, folder))
    return Figures(times["attnc"], times["FlexAttention"])


def cached(budget: float) -> Figures:
    """Both with what an earlier process left on disk."""
    with tempfile.TemporaryDirectory() as folder:
        for who in CACHES:
            _in_process(who, folder)
        pairs = [[_in_process(who, folder) for who in CACHES] for _ in range(RUNS)]
    ours, theirs = zip(*pairs, strict=True)
    return Figures(ours, theirs)


def _in_process(who: str, cache: str) -> float:
    """The figure that a new process prints."""
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks.first_call", who],
        cwd=Path(__file__).parents[1],
        env=os.environ | {CACHES[who]: cache},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(found.stdout.split()[-1])


if __name__ == "__main__":
    print({"attnc": attnc_seconds, "FlexAttention": flex_seconds}[sys.argv[1]]())
