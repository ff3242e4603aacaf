"""Run the benchmark cases and write `benchmarks/results.md`, `results.json` and the plots.

A run replaces the rows that it measures; the file keeps the others with their dates and versions.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console

from benchmarks import environment, plots, report, results
from benchmarks.measure import Case, Figures, UnavailableError
from benchmarks.sections import SECTIONS, Section

PAGE = results.PATH.with_suffix(".md")
SECONDS = 5.0  # of turns for a case


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print each row as it comes, and write."""
    options = parser().parse_args(arguments)
    cases = list(chosen(options.only, options.quick))
    if not cases:
        sys.exit(f"no row holds all of these words: {' '.join(options.only)}")
    console, run = Console(), datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    with console.status("measuring the peak"):
        facts = environment.describe()
    file = results.load()
    for section, case in cases:
        with console.status(f"{section.title}: {case.name}, against {case.peer}"):
            found = measured(case, options.seconds)
        row = results.row(section.title, case.name, case.peer, run, found)
        console.print(line(row), markup=False, highlight=False, soft_wrap=True)
        file = results.merge(file, run, facts, [row])
        if not options.quick:  # at once, so that nothing is lost if the run is interrupted
            results.save(file)
            PAGE.write_text(report.markdown(file))
    if not options.quick:
        plots.draw(file["rows"])
        console.print(f"written: {PAGE}")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    found.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="WORD",
        help="only the rows whose section, case and peer hold all these words",
    )
    found.add_argument("--quick", action="store_true", help="a few rows, and nothing is written")
    found.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help="turns of a row (default 5)"
    )
    return found


def chosen(words: Sequence[str], quick: bool) -> Iterator[tuple[Section, Case]]:
    """The cases that a command line asks for."""
    for section in SECTIONS:
        for case in section.cases:
            text = f"{section.title} {case.name} {case.peer}".lower()
            asked = all(word.lower() in text for word in words)
            if asked and (case.quick or not quick) and (words or not case.on_request):
                yield section, case


def measured(case: Case, budget: float) -> Figures | str:
    """The figures of a case, or the reason why it cannot run here."""
    try:
        return case.measure(budget)
    except UnavailableError as reason:
        return str(reason)


def line(row: results.Row) -> str:
    """A row in short."""
    found = row.get("skipped") or ", ".join(filter(None, report.times(row)))
    return f"{row['section']}: {row['case']}, against {row['peer']}: {found}"


if __name__ == "__main__":
    main()
