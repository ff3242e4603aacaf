"""`attnc plot`: a picture of the mask with its tiles."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import print_json, progress
from attnc.runtime.commands.report import YES, UsageError

if TYPE_CHECKING:
    from attnc.runtime.picture import Picture

SUFFIXES = (".png", ".svg", ".pdf")


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, the file, the length, the heads, the tile."""
    shared.add_spec(parser)
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="FILE", help=", ".join(SUFFIXES)
    )
    parser.add_argument("--seq", type=shared.count, default=256, metavar="N", help="the length")
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


def run(options: argparse.Namespace) -> int:
    """0, with the picture written."""
    if options.output.suffix not in SUFFIXES:
        raise UsageError(f"the picture's name has to end in {', '.join(SUFFIXES)}")
    if options.head is not None and options.head < 0:
        raise UsageError("--head counts from 0")
    with progress("drawing"):
        drawn = _draw(options)
    if options.json:
        print_json({"file": str(options.output), "seq": drawn.seq, "density": drawn.density})
    else:
        print(f"{shared.title(drawn.bound)} is in {options.output}")
    return YES


def _draw(options: argparse.Namespace) -> "Picture":
    try:
        from attnc.runtime.plot import PlotError, plot
    except ModuleNotFoundError as missing:
        raise UsageError(f"needs {missing.name}: pip install 'attnc[plot]'") from None
    from attnc.runtime.api import split_parameters

    given = shared.given(options)
    split_parameters(options.spec, given)  # refuses what is no parameter before it can clash
    shape = {"seq": options.seq, "heads": options.heads, "head": options.head}
    try:
        return plot(options.spec, options.output, **shape, tile=options.tile, **given)
    except PlotError as error:
        raise UsageError(str(error)) from None
