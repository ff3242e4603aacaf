"""`attnc cache`: where compiled kernels are kept, and how to be rid of them."""

import argparse

from attnc.runtime import cache
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import print_json
from attnc.runtime.commands.report import YES


def arguments(parser: argparse.ArgumentParser) -> None:
    """`path` or `clear`."""
    parser.add_argument(
        "action",
        choices=("path", "clear"),
        metavar="path|clear",
        help="print the folder, or empty it",
    )
    shared.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Always 0."""
    folder = str(cache.root())
    match options.action:
        case "clear":
            freed = cache.clear()
            text, data = f"{freed} bytes freed in {folder}", {"path": folder, "freed": freed}
        case _:
            used = cache.size(cache.kernels())
            text, data = folder, {"path": folder, "bytes": used}
    print_json(data) if options.json else print(text)
    return YES
