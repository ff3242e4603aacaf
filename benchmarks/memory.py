"""How much memory a call takes at its height."""

import gc
import re
from pathlib import Path

from attnc.runtime.timing import Work

OURS, THEIRS = "memory", "memory of the other"  # columns
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def growth(column: str, work: Work) -> dict[str, float]:
    """By how many bytes the resident set exceeded what it was before, at most, as a fact.

    Linux counts the maximum and lets a process reset it; elsewhere there is no such fact.
    """
    gc.collect()
    try:
        CLEAR.write_text("5")
        before = _resident("VmRSS")
    except OSError:
        return {}
    work()
    return {column: max(0.0, _resident("VmHWM") - before)}


def _resident(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text())
    assert found is not None
    return int(found[1]) * 1024
