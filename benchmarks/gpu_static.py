"""Causal attention and a window on three GPUs, by their machine code, beside known kernels.

Writes `benchmarks/gpu_static.md`; no GPU is needed. The goals are what hand-written Triton reaches:
figures of FlexAttention (its inductor output) and of Triton's tutorial 06 in the best config, both
compiled and counted in the same way. Gradients are in a table of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
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
GRADIENT_PEERS = ("Flex: full", "tutorial: full", "goals")
# FlexAttention's full loops: dQ, then dK and dV. On sm_90 they are the goals, with the tutorial's
# where there is one.
FLEX_BACKWARD = {
    ("cuda:sm_80", 64): (10.1, 13.8),
    ("cuda:sm_80", 128): (17.2, 23.4),
    ("cuda:sm_90", 64): (9.0, 12.1),
    ("cuda:sm_90", 128): (10.2, 13.9),
    ("cuda:sm_100", 64): (7.3, 11.6),
    ("cuda:sm_100", 128): (8.2, 12.6),
}
TUTORIAL_BACKWARD = {("cuda:sm_90", 64): (7.7, 9.4)}
KERNELS = {"q": "dQ", "k": "dK, dV"}
MORE = (("cuda:sm_90", 256, "bf16"), ("cuda:sm_90", 64, "fp32"))


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
        yield f"full loop {max(full):.2f} > {best}{reached(found, best)}"
    if full and masked:
        extra = max(masked) - max(full)
        if extra > EXTRA[cell.spec]:
            yield f"mask {extra:.2f} > {EXTRA[cell.spec]}"


def gradient_cells() -> Iterator[Cell]:
    """Both kernels of the gradients of the same, and of wide heads and float32."""
    for target, d in KNOWN:
        for owner in KERNELS:
            yield Cell("line/causal", target, d, gradient=owner)
            if target == "cuda:sm_90":
                yield Cell("line/mistral", target, d, WINDOW, owner)
    for target, d, dtype in MORE:
        for owner in KERNELS:
            yield Cell("line/causal", target, d, gradient=owner, dtype=dtype)


def gradient_row(cell: Cell, found: StaticAnalysis | str) -> list[str]:
    """The figures of a kernel of the gradients beside those of the peers."""
    flex, tutorial = (
        _of_kernel(known, cell) if cell.dtype == "bf16" else None
        for known in (FLEX_BACKWARD, TUTORIAL_BACKWARD)
    )
    peers = ["" if x is None else str(x) for x in (flex, tutorial)]
    goal = None if cell.target != "cuda:sm_90" else tutorial or flex
    missed = "no kernel" if isinstance(found, str) else ", ".join(_gradient_misses(found, goal))
    name = [cell.name, KERNELS[cell.gradient], cell.target, f"{cell.d}, {cell.dtype}"]
    return [*name, *figures(found), *peers, f"missed: {missed}" if missed else "met"]


def _of_kernel(known: Mapping[tuple[str, int], tuple[float, float]], cell: Cell) -> float | None:
    both = known.get((cell.target, cell.d))
    return both["qk".index(cell.gradient)] if both else None


def _gradient_misses(found: StaticAnalysis, goal: float | None) -> Iterator[str]:
    full = loops(found, "full")
    if found.resources.spills or found.resources.serialised:
        yield "spills"
    if full and goal is not None and max(full) > goal:
        yield f"full loop {max(full):.2f} > {goal}"


def reached(found: StaticAnalysis, best: float) -> str:
    """The clean tile that meets the goal of the full loop, and why it was not taken."""
    for one in found.tried:
        loops = one.report.loops if one.report and not one.why_not else ()
        least = min((loop.per_element for loop in loops), default=best + 1)
        if least <= best:
            tile = f"{one.config.tile_q}x{one.config.tile_k} w{one.config.num_warps}"
            clocks = f"{one.clocks_per_pair or 0.0:.3f} clocks a pair"
            return f" ({least:.2f} with {tile}, which is predicted to take {clocks})"
    return ""


def main() -> None:
    """Compile, print the tables, and write the page."""
    console = Console(soft_wrap=True)
    with console.status("compiling for GPUs"):
        rows = [row(cell, cell.measure()) for cell in cells()]
        gradients = [gradient_row(cell, cell.measure()) for cell in gradient_cells()]
    text = page(rows, gradients)
    console.print(text, markup=False, highlight=False)
    PAGE.write_text(text)


def page(rows: Sequence[Sequence[str]], gradients: Sequence[Sequence[str]]) -> str:
    """The page."""
    head = ("pattern", "target", "D", *HEADER, *PEERS)
    backward = ("pattern", "kernel", "target", "D", *HEADER, *GRADIENT_PEERS)
    title = "# GPU kernels by their machine code, beside known ones\n\n"
    note = (
        "*Flex* is FlexAttention's own Triton kernel, *tutorial* Triton's tutorial 06 in its best "
        "config (on sm_100 with warp specialisation at D 128, which is not built here: docs/gpu.md "
        "says why, and without it the tile of 128x128 spills there: causal has 7.8 with 48 bytes). "
        "Its figures are rounded: counted by this program, 7.9 and 7.5 on sm_90 are 7.94 and 7.53. "
        "Goals: no spills, a full loop of at most the tutorial's, a mask of at most 3.0 (causal) "
        "and 4.5 (window) instructions more. The tile is the one with the fewest predicted clocks "
        "for a pair of the pattern, which may be another than the one with the cheapest full loop: "
        "smaller tiles visit less beside a window, and more of them run on a multiprocessor.\n"
    )
    source = f"Written by `make bench` (`python -m benchmarks.gpu_static`): {made_with()}\n\n"
    below = (
        "Gradients, each kernel with a tile of its own. Goals: no spills, and on sm_90 a full loop "
        "of at most the tutorial's, at D 128 FlexAttention's, which spills there (152 bytes).\n"
    )
    tables = f"{table(head, rows)}\n{below}\n{table(backward, gradients)}"
    return f"{title}{source}{LEGEND}\n{note}\n{tables}"


if __name__ == "__main__":
    main()
