"""Causal attention and a window on three GPUs, by their machine code, beside known kernels.

Writes `benchmarks/gpu_static.md`; no GPU is needed. The goals are what hand-written Triton reaches:
figures of FlexAttention (its inductor output) and of Triton's tutorial 06 in the best config, both
compiled and counted in the same way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from attnc.runtime.gpu.static import StaticAnalysis
from benchmarks.gpu_cells import HEADER, LEGEND, Cell, figures, loops, made_with, table

PAGE = Path(__file__).with_suffix(".md")
WINDOW = {"w": 1024}
EXTRA = {"line/causal": 3.0, "line/mistral": 4.5}  # instructions that a mask may add to a score


@dataclass(frozen=True, slots=True)
class Known:
    """Instructions of a score in a full loop, and in FlexAttention's masked ones by spec."""

    flex: float
    flex_masked: dict[str, float]
    tutorial: float


def _known(flex: float, causal: float, window: float, tutorial: float) -> Known:
    return Known(flex, {"line/causal": causal, "line/mistral": window}, tutorial)


KNOWN = {
    ("cuda:sm_80", 64): _known(10.4, 15.9, 19.0, 8.8),
    ("cuda:sm_80", 128): _known(14.5, 19.3, 22.3, 12.5),
    ("cuda:sm_90", 64): _known(9.0, 11.5, 14.3, 7.9),
    ("cuda:sm_90", 128): _known(13.2, 17.4, 20.4, 7.5),
    ("cuda:sm_100", 64): _known(8.8, 14.9, 17.8, 7.5),
    ("cuda:sm_100", 128): _known(13.8, 19.9, 22.8, 6.35),
}
PEERS = ("Flex: full, masked", "tutorial: full", "goals")


def cells() -> Iterator[Cell]:
    """Both patterns on each target at each head dimension."""
    for target, d in KNOWN:
        yield Cell("line/causal", target, d)
        yield Cell("line/mistral", target, d, WINDOW)


def row(cell: Cell, found: StaticAnalysis | str) -> list[str]:
    """The figures of a cell beside those of the peers."""
    known = KNOWN[cell.target, cell.d]
    peers = [f"{known.flex}, {known.flex_masked[cell.spec]}", str(known.tutorial)]
    missed = "no kernel" if isinstance(found, str) else ", ".join(misses(cell, found))
    goals = f"missed: {missed}" if missed else "met"
    return [cell.name, cell.target, str(cell.d), *figures(found), *peers, goals]


def misses(cell: Cell, found: StaticAnalysis) -> Iterator[str]:
    """Which goals a kernel misses: no spills, the tutorial's full loop, the cost of the mask."""
    full, masked = loops(found, "full"), loops(found, "partial")
    if found.resources.spills or found.resources.serialised:
        yield "spills"
    best = KNOWN[cell.target, cell.d].tutorial
    if full and max(full) > best:
        yield f"full loop {max(full):.2f} > {best}"
    if full and masked:
        extra = max(masked) - max(full)
        if extra > EXTRA[cell.spec]:
            yield f"mask {extra:.2f} > {EXTRA[cell.spec]}"


def main() -> None:
    """Compile, print the table, and write the page."""
    console = Console(soft_wrap=True)
    with console.status("compiling for GPUs"):
        rows = [row(cell, cell.measure()) for cell in cells()]
    text = page(rows)
    console.print(text, markup=False, highlight=False)
    PAGE.write_text(text)


def page(rows: Sequence[Sequence[str]]) -> str:
    """The page."""
    head = ("pattern", "target", "D", *HEADER, *PEERS)
    title = "# GPU kernels by their machine code, beside known ones\n\n"
    note = (
        "*Flex* is FlexAttention's own Triton kernel, *tutorial* Triton's tutorial 06 in its best "
        "config (on sm_100 with warp specialisation at D 128, which is not built here). Goals: no "
        "spills, a full loop of at most the tutorial's, a mask of at most 3.0 (causal) and 4.5 "
        "(window) instructions more. Warp specialisation fails to compile, and without it the tile "
        "of 128x128 at D 128 spills on sm_100: causal would have 7.8 with 48 bytes.\n"
    )
    source = f"Written by `make bench` (`python -m benchmarks.gpu_static`): {made_with()}\n\n"
    return f"{title}{source}{LEGEND}\n{note}\n{table(head, rows)}"


if __name__ == "__main__":
    main()
