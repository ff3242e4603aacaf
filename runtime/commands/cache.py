"""`attnc cache`: where compiled kernels are kept, how to be rid of them, what work costs here."""

import argparse
from dataclasses import asdict
from typing import Any

from attnc.runtime import cache
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import print_json, progress
from attnc.runtime.commands.report import YES


def arguments(parser: argparse.ArgumentParser) -> None:
    """`path`, `clear` or `calibrate`."""
    parser.add_argument(
        "action",
        choices=("path", "clear", "calibrate"),
        metavar="path|clear|calibrate",
        help="print the folder; empty it; measure once what work costs on this machine,"
        " by which later calls choose kernels and threads",
    )
    shared.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Always 0."""
    folder = str(cache.root())
    match options.action:
        case "clear":
            freed = cache.clear()
            text, data = f"{freed} bytes freed in {folder}", {"path": folder, "freed": freed}
        case "calibrate":
            text, data = _calibrate()
        case _:
            used = cache.size(cache.kernels())
            text, data = folder, {"path": folder, "bytes": used}
    print_json(data) if options.json else print(text)
    return YES


def _calibrate() -> tuple[str, dict[str, Any]]:
    """Measure and keep; what to print."""
    with progress("measuring"):
        from attnc.runtime.cpu.calibrate import calibrate
        from attnc.runtime.cpu.costs import store
        from attnc.runtime.cpu.cpus import measured_machine

        found = calibrate()
        place = str(store(measured_machine(), found))
    heights = ", ".join(f"{share}%" for share in found.shares)
    text = (
        f"a pair costs {heights} by the height of a query tile, {found.columns[-1]:.4f} ns a column"
        f" at the greatest; a query tile {found.unit / 1e3:.1f} us; threads {found.start / 1e3:.1f}"
        f" us; kept in {place}"
    )
    return text, asdict(found) | {"path": place}
