"""`attnc view`: a page that draws the mask and redraws it as parameters are moved."""

import argparse
from pathlib import Path
from typing import Any

from attnc.dsl.loader import load_any
from attnc.dsl.program import Bound, Program
from attnc.dsl.stack import BoundStack, StackProgram
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import print_json, progress
from attnc.runtime.commands.report import YES, UsageError

SUFFIXES = (".html", ".htm")


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, the file, and the shape that the page begins with."""
    shared.add_spec(parser)
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help=".html")
    parser.add_argument("--seq", type=shared.count, metavar="N", help="the length, 1 to 1024")
    shared.add_grid(parser)
    parser.add_argument("--heads", type=shared.count, metavar="N", help="number of heads")


def run(options: argparse.Namespace) -> int:
    """0, with the page written."""
    if options.output.suffix not in SUFFIXES:
        raise UsageError(f"the page's name has to end in {' or '.join(SUFFIXES)}")
    with progress("writing"):
        from attnc.runtime.view.facts import ViewError
        from attnc.runtime.view.page import view

        given = shared.given(options)
        bound = _bound(load_any(options.spec), given)
        shared.check_size(bound, options, "seq")
        shape = {"seq": options.seq, "grid": options.grid, "heads": options.heads}
        try:
            found = view(options.spec, options.output, **shape, **given)
        except ViewError as error:
            raise UsageError(str(error)) from None
    if options.json:
        print_json({"file": str(options.output), "seq": found.seq, "grid": found.grid})
    else:
        print(f"{shared.title(bound)} is in {options.output}")
    return YES


def _bound(program: Program | StackProgram, given: dict[str, Any]) -> Bound | BoundStack:
    """The spec with its parameters; inputs, lengths of segments among them, are no parameters."""
    inputs = () if isinstance(program, StackProgram) else program.inputs
    return program.bind(**{name: value for name, value in given.items() if name not in inputs})
