"""The file of all figures: a run replaces the rows that it measured and leaves the others.

`{"runs": {date: {facts}}, "rows": [...]}`: each row names its section, case and peer, and the run
that it comes from.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Figures
from benchmarks.sections import SECTIONS

PATH = Path(__file__).with_name("results.json")
DIGITS = 4
Row = dict[str, Any]
Results = dict[str, Any]


def load(path: Path = PATH) -> Results:
    """What earlier runs found."""
    return json.loads(path.read_text()) if path.exists() else {"runs": {}, "rows": []}


def save(results: Results, path: Path = PATH) -> None:
    """A row in a line, so that a new run reads well in a diff."""
    rows = ",\n".join(f"    {json.dumps(row)}" for row in results["rows"])
    runs = json.dumps(results["runs"], indent=2).replace("\n", "\n  ")
    path.write_text(f'{{\n  "runs": {runs},\n  "rows": [\n{rows}\n  ]\n}}\n')


def row(section: str, case: str, peer: str, run: str, found: Figures | str) -> Row:
    """One row: figures, or the reason why there are none."""
    names = {"section": section, "case": case, "peer": peer, "run": run}
    if isinstance(found, str):
        return names | {"skipped": found}
    times = {"ours": _rounded(found.ours), "theirs": _rounded(found.theirs)}
    return names | times | {"facts": {n: _round(x) for n, x in found.facts.items()}}


def merge(old: Results, run: str, facts: dict[str, str], rows: Iterable[Row]) -> Results:
    """`rows` of a new run put among the old ones, in the order of the cases; nothing unused."""
    by_name = {_name(row): row for row in (*old["rows"], *rows)}
    kept = [by_name[name] for name in declared() if name in by_name]
    used = {row["run"] for row in kept}
    runs = {name: found for name, found in (old["runs"] | {run: facts}).items() if name in used}
    return {"runs": runs, "rows": kept}


def declared() -> Iterator[tuple[str, str, str]]:
    """Section, case and peer of everything that can be timed."""
    for section in SECTIONS:
        for case in section.cases:
            yield section.title, case.name, case.peer


def _name(row: Row) -> tuple[str, str, str]:
    return row["section"], row["case"], row["peer"]


def _rounded(times: Iterable[float]) -> list[float]:
    return [_round(x) for x in times]


def _round(x: float) -> float:
    return float(f"{x:.{DIGITS}g}")
