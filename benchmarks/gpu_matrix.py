"""Compile every spec for GPUs and write `benchmarks/gpu_matrix.md`; no GPU is needed.

Every spec at D 64 on sm_90, and six specs on four targets at seven head dimensions. Reports come
from the disk cache where a source was compiled before.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from attnc.dsl.loader import shipped, shipped_grids, shipped_routes
from benchmarks.gpu_cells import HEADER, LEGEND, Cell, figures, made_with, table

PAGE = Path(__file__).with_suffix(".md")
REPRESENTATIVE = (
    "line/causal", "line/mistral", "line/longformer", "line/sparse_transformer_strided",
    "score/alibi", "input/document",
)  # fmt: skip
TARGETS = ("cuda:sm_80", "cuda:sm_90", "cuda:sm_100", "hip:gfx942")
DIMS = (64, 128, 32, 80, 96, 192, 256)


def cells() -> Iterator[Cell]:
    """The whole matrix, without repetition, what is asked for most first."""
    yield from (Cell(spec, "cuda:sm_90", 64) for spec in specs())
    for d in DIMS:
        targets = [target for target in TARGETS if (target, d) != ("cuda:sm_90", 64)]
        yield from (Cell(spec, target, d) for target in targets for spec in REPRESENTATIVE)


def specs() -> list[str]:
    """The shipped specs of one attention: those of several are made of such."""
    return [*shipped(), *shipped_grids(), *shipped_routes()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Compile what the command line names and print each row; the whole matrix is written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_matrix", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="rows of these words")
    words = parser.parse_args(arguments).only
    console, rows = Console(soft_wrap=True), []
    for cell in cells():
        names = [cell.name, cell.target, str(cell.d)]
        if all(word in " ".join(names) for word in words):
            with console.status(" ".join(names)):
                rows.append([*names, *figures(cell.measure())])
            console.print(*rows[-1], sep="  ", markup=False, highlight=False)
            if not words:  # at once, so that nothing is lost if the run is interrupted
                PAGE.write_text(page(rows))


def page(rows: Sequence[Sequence[str]]) -> str:
    """The whole page."""
    head = ("spec", "target", "D", *HEADER)
    rows = sorted(rows, key=lambda row: (row[0], row[1], int(row[2])))
    text = "# Kernels for GPUs, compiled ahead of time\n\nWritten by `make gpu-matrix`: "
    missing = len(list(cells())) - len(rows)
    note = f"{missing} cells are not compiled yet; a run goes on from here.\n\n" if missing else ""
    return f"{text}{made_with()}\n\n{note}{LEGEND}\n{table(head, rows)}"


if __name__ == "__main__":
    main()
