"""Results as Markdown."""

from collections.abc import Callable, Iterable, Iterator

from attnc.runtime.timing import Pairs
from benchmarks import analyses, loops
from benchmarks.attention import FLOOR
from benchmarks.results import Results, Row
from benchmarks.sections import SECTIONS, Section

HEADER = """\
# Benchmarks

Written by `make bench`; `python -m benchmarks.run --only WORD` measures some rows again. Both sides
of a row take turns in one process; *speedup* is the median of the paired ratios, with their
quartiles, and times are medians.
"""

# How a derived figure is written, by the name of its column.
COLUMNS: dict[str, Callable[[float], str]] = {
    "GFLOP/s": "{:.0f}".format,
    "of peak": "{:.0%}".format,
    "GB/s": "{:.1f}".format,
    "of the reading loop": "{:.0%}".format,
    "visited / useful": "{:.2f}".format,
    "time per visited pair, full = 1": "{:.2f}".format,
    "moving the rows, of the time": "{:.0%}".format,
    FLOOR: "{:.2f}".format,
    "time per pair, the other = 1": "{:.2f}".format,
    "choosing, of the other": "{:.1%}".format,
    "bytes per chosen block": "{:.1f}".format,
    **dict.fromkeys(loops.COLUMNS, "{:.0f}".format),
    "registers": "{:.0f}".format,
    "spilled": "{:.0f} B".format,
    "shared": "{:.0f} B".format,
    analyses.SPECS: "{:.0f}".format,
    analyses.SLOWEST: lambda x: duration(x),
    "memory": lambda x: memory(x),
    "memory of the other": lambda x: memory(x),
}


def markdown(results: Results) -> str:
    """The whole page."""
    parts = [HEADER, *runs(results["runs"])]
    for section in SECTIONS:
        rows = [row for row in results["rows"] if row["section"] == section.title]
        if rows:
            parts += [f"## {section.title}\n", *([section.text + "\n"] if section.text else [])]
            parts.append(table(section, rows, list(results["runs"])))
    return "\n".join(parts)


def runs(found: dict[str, dict[str, str]]) -> Iterator[str]:
    """Machine, versions and peak of each run; rows name theirs if there are several."""
    for number, (date, facts) in enumerate(found.items(), 1):
        title = f"Run {number}, {date}:" if len(found) > 1 else f"{date}:"
        yield (
            "\n".join([title, "", *(f"- {name}: {value}" for name, value in facts.items())]) + "\n"
        )


def table(section: Section, rows: list[Row], runs: list[str]) -> str:
    """One line for each row, with a column for each figure that some row has."""
    facts = [name for name in COLUMNS if any(name in row.get("facts", ()) for row in rows)]
    several = ["run"] if len(runs) > 1 else []
    head = ["case", "against", "attnc", "the other", "speedup", *facts, *several]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in rows:
        number = [str(runs.index(row["run"]) + 1)] if several else []
        lines.append(_line([row["case"], row["peer"], *_figures(row, facts), *number]))
    return "\n".join(lines) + "\n"


def _figures(row: Row, facts: list[str]) -> Iterator[str]:
    if "skipped" in row:
        yield from (f"not measured: {row['skipped']}", *[""] * (2 + len(facts)))
        return
    yield from times(row)
    for name in facts:
        yield COLUMNS[name](row["facts"][name]) if name in row["facts"] else ""


def times(row: Row) -> tuple[str, str, str]:
    """The medians of both and their ratio, as text."""
    pairs = Pairs(row["ours"], row["theirs"] or row["ours"])
    ours, theirs = map(duration, pairs.seconds)
    if not row["theirs"]:
        return ours, "", ""
    if len(pairs.first) < 2:
        return ours, theirs, f"{pairs.speedup:.2f}"
    low, speedup, high = pairs.quartiles
    return ours, theirs, f"{speedup:.2f} ({low:.2f} to {high:.2f})"


def duration(seconds: float) -> str:
    """Seconds in a unit that suits."""
    if seconds < 0.01:
        return f"{seconds * 1e3:.2f} ms"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def memory(size: float) -> str:
    """Bytes in a unit that suits; less than a mebibyte is below what can be told."""
    if size < 1 << 20:
        return "< 1 MiB"
    return f"{size / 2**20:.0f} MiB" if size < 1 << 30 else f"{size / 2**30:.1f} GiB"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
