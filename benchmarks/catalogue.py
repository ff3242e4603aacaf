"""`docs/catalogue.md`: a row for every shipped spec, and for every system that has none yet.

    make catalogue                           (what is new or has changed)
    python -m benchmarks.catalogue --all     (everything again, a few minutes)
    python -m benchmarks.catalogue --list    (rows for new specs, which are looked at later)

What was found of a spec is kept in `benchmarks/catalogue.json`, with a digest of its text.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import torch
from rich.console import Console

from attnc.dsl.loader import SUFFIX, all_shipped
from benchmarks.entries import Entry, entry, unseen
from benchmarks.systems import AS_THEY_COME, System, rows

PAGE = Path(__file__).parents[1] / "docs" / "catalogue.md"
KEPT = Path(__file__).with_name("catalogue.json")
HEADER = """\
# The catalogue

Written by `make catalogue` from the specs that ship; `attnc view SPEC -o page.html` draws one,
`attnc list` has their parameters.

- *relation*: the first sentence of the spec, which names the paper.
- *density*: the share of all pairs at the size given, with the spec's own parameters and 8 heads;
  "at most" where tensors of the call decide, "about" where draws do: of half a million pairs, taken
  at random. Grids are counted at a natural size of images and videos, with random inputs.
- *tiles*: queries by keys of a tile, as chosen for the CPU that wrote this page, and how many of
  the visited tiles need no mask.
- *cache*: the keys that a decoder has to keep, proved for every length.
- *status*: *verified*: the compiled kernel agrees with the float64 reference on random inputs;
  *trains*: its gradients do too. Each spec is also tested against a definition written from its
  paper (`tests/references/`).
"""
COLUMNS = ("spec", "system", "relation", "density", "tiles", "cache", "status")


def page(found: dict[str, Entry]) -> str:
    """The Markdown of the catalogue."""
    parts = [HEADER]
    for family, systems in rows(tuple(found)).items():
        lines = list(_lines(systems, found, family != AS_THEY_COME))
        missing = [spec for one in systems for spec in one.specs if spec not in found]
        if family == AS_THEY_COME and missing:
            note = f"Not written yet: {', '.join(f'`{spec}`' for spec in missing)}.\n"
        else:
            note = ""
        if lines or note:
            parts += [f"## {family}\n", _table(lines), note]
    return "\n".join(filter(None, parts)).rstrip("\n") + "\n"


def _lines(systems: list[System], found: dict[str, Entry], gaps: bool) -> Iterator[list[str]]:
    """A row for each spec; those that are missing only where `gaps` are shown."""
    for system in systems:
        for spec in system.specs:
            if spec in found:
                yield [f"`{spec}`", system.name, *_cells(found[spec])]
            elif gaps:
                yield [f"`{spec}`", system.name, "", "", "", "", "**missing**"]


def _cells(one: Entry) -> list[str]:
    density = ""
    if one.density is not None:
        density = f"{one.bound} {one.density:.3%} of {one.size}".strip()
    return [one.relation.replace("|", "\\|"), density, one.tiles, one.cache, one.status]


def _table(lines: list[list[str]]) -> str:
    if not lines:
        return ""
    table = [COLUMNS, ["---"] * len(COLUMNS), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in table) + "\n"


def digest(name: str) -> str:
    """Of a spec's text."""
    path = resources.files("attnc").joinpath("specs", f"{name}{SUFFIX}")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def load() -> dict[str, dict[str, object]]:
    """The rows that are kept, with their digests."""
    found: dict[str, dict[str, object]] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    return found


def main() -> None:
    """Look at the specs that are new or have changed, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="look at every spec again")
    parser.add_argument("--list", action="store_true", help="look at none, list those that ship")
    options = parser.parse_args()
    torch.set_num_threads(1)  # a forked check would wait for OpenMP's threads, which stay behind
    kept = {} if options.all else load()
    console = Console()
    for name in all_shipped():
        if options.list:
            kept.setdefault(name, asdict(unseen(name)) | {"digest": ""})
        elif kept.get(name, {}).get("digest") != digest(name):
            one = entry(name)
            kept[name] = asdict(one) | {"digest": digest(name)}
            KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
            console.print(f"{name}: {one.status}")
    kept = {name: kept[name] for name in all_shipped()}
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page({name: _entry(row) for name, row in kept.items()}), encoding="utf-8")


def _entry(row: dict[str, object]) -> Entry:
    return Entry(**{name: value for name, value in row.items() if name != "digest"})  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
