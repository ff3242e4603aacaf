"""Results as Markdown."""

from collections.abc import Iterator
from typing import Any

HEADER = """\
# Benchmarks

Written by `make bench`. Both sides of a row take turns in one process; *speedup* is the median of
the paired ratios, with their quartiles. *Of peak* is the useful arithmetic of the pattern's pairs,
done each second, over a loop of multiply-adds in registers timed in the same run.
"""


def markdown(results: dict[str, Any]) -> str:
    """The whole page."""
    parts = [HEADER, facts(results), table(results["cases"])]
    if "cold" in results:
        parts.append(cold(results["cold"]))
    return "\n".join(parts)


def facts(results: dict[str, Any]) -> str:
    """Machine, versions and peak."""
    best = results["peak"]
    lines = [f"- {name}: {value}" for name, value in results["environment"].items()]
    lines.append(f"- peak: {best['gflops']:.0f} GFLOP/s in float32 ({best['method']})")
    return "\n".join(lines) + "\n"


def table(cases: list[dict[str, Any]]) -> str:
    """One row for each case."""
    head = ("case", "against", "attnc", "the other", "speedup", "GFLOP/s, of peak")
    return "\n".join([_row(head), _row(["---"] * len(head)), *map(_case, cases)]) + "\n"


def cold(times: dict[str, float | str]) -> str:
    """How long a first compilation takes."""
    lines = ["From a pattern to a first result, caches empty, imports aside:", ""]
    for name, value in times.items():
        lines.append(f"- {name}: {value if isinstance(value, str) else _duration(value)}")
    return "\n".join(lines) + "\n"


def _case(case: dict[str, Any]) -> str:
    return _row(_cells(case))


def _cells(case: dict[str, Any]) -> Iterator[str]:
    yield from (case["name"], case["peer"])
    if "skipped" in case:
        yield from (f"skipped: {case['skipped']}", "", "", "")
        return
    low, high = case["spread"]
    yield from (_duration(case["ours"]), _duration(case["theirs"]))
    yield f"{case['speedup']:.2f} ({low:.2f} to {high:.2f})"
    share = case.get("peak_share")
    yield f"{case['gflops']:.0f}, {share:.0%}" if share is not None else ""


def _duration(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _row(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"
