"""`attnc plot`: a picture of the mask with its tiles."""

import argparse
from pathlib import Path
from typing import Any

from attnc.dsl.program import Bound
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import print_json, progress
from attnc.runtime.commands.report import YES, UsageError

SUFFIXES = (".png", ".svg", ".pdf")
LENGTH = 256


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, the file, the length, the heads, the tile."""
    shared.add_spec(parser)
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="FILE", help=", ".join(SUFFIXES)
    )
    parser.add_argument("--seq", type=shared.count, metavar="N", help=f"length (default {LENGTH})")
    shared.add_grid(parser)
    parser.add_argument(
        "--query", type=point, metavar="T,Y,X", help="whose keys to draw on a grid: the middle's"
    )
    parser.add_argument("--heads", type=shared.count, metavar="N", help="number of heads")
    parser.add_argument("--head", type=int, metavar="H", help="draw this head only, from 0")
    parser.add_argument("--tile", type=tile, metavar="QxK", help="default: the kernel's own")


def tile(text: str) -> tuple[int, int]:
    """`32x16` as rows and keys; `32` stands for `32x32`.

    >>> tile("32x16"), tile("8")
    ((32, 16), (8, 8))
    """
    rows, _, keys = text.partition("x")
    return shared.count(rows), shared.count(keys or rows)


def point(text: str) -> tuple[int, ...]:
    """`0,3` as coordinates.

    >>> point("0,3")
    (0, 3)
    """
    return tuple(shared.count(part) if part != "0" else 0 for part in text.split(","))


def run(options: argparse.Namespace) -> int:
    """0, with the picture written."""
    if options.output.suffix not in SUFFIXES:
        raise UsageError(f"the picture's name has to end in {', '.join(SUFFIXES)}")
    if options.head is not None and options.head < 0:
        raise UsageError("--head counts from 0")
    with progress("drawing"):
        bound, found = _draw(options)
    if options.json:
        print_json({"file": str(options.output), **found})
    else:
        print(f"{shared.title(bound)} is in {options.output}")
    return YES


def _draw(options: argparse.Namespace) -> tuple[Bound, dict[str, Any]]:
    """The spec that was drawn and the facts of the picture."""
    try:
        from attnc.runtime.pictures.neighbourhood import PlotError
        from attnc.runtime.pictures.picture_grid import plot_grid
        from attnc.runtime.pictures.plot import plot
    except ModuleNotFoundError as missing:
        raise UsageError(f"needs {missing.name}: pip install 'attnc[plot]'") from None
    from attnc.runtime.api import split_parameters

    given = shared.given(options)
    bound, _ = split_parameters(options.spec, given)  # refuses what could clash
    tokens, grid = shared.size(bound, options, LENGTH)
    if not grid and options.query is not None:
        raise UsageError("--query is a point of a grid: leave it out")
    if grid and options.tile is not None:
        raise UsageError("on a grid the tiles are the kernel's own: leave --tile out")
    whose = {"heads": options.heads, "head": options.head}
    try:
        if grid:
            place = {"grid": grid, "query": options.query}
            near = plot_grid(options.spec, options.output, **place, **whose, **given)
            return bound, {"grid": grid, "query": near.query, "keys": near.keys}
        drawn = plot(options.spec, options.output, seq=tokens, **whose, tile=options.tile, **given)
        return bound, {"seq": drawn.seq, "density": drawn.density}
    except PlotError as error:
        raise UsageError(str(error)) from None
