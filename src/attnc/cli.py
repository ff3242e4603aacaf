"""`attnc`, the command line: each command is a module of `attnc.runtime.commands`.

Exit status: 0 yes, 1 no or failed, 2 bad usage or not built yet.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from attnc.dsl.diagnostics import AttnError, closest
from attnc.runtime.commands import COMMANDS
from attnc.runtime.commands.report import FAILED, report
from attnc.version import __version__

INTERRUPTED = 130
DESCRIPTION = "A compiler for attention patterns."
EPILOG = """\
SPEC is a path to a .attn file, a shipped name (see `attnc list`), or source text.
Exit status: 0 yes, 1 no or failed, 2 bad usage or not built yet.
`attnc COMMAND --help` explains a command.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (by default this process's own); the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = make_parser(given).parse_args(given)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        return _unread()
    except (AttnError, OSError) as error:
        return report(error, options)
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def make_parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of these arguments: only the command that they name has its options loaded."""
    parser = argparse.ArgumentParser(
        prog="attnc",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"attnc {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    chosen = next((word for word in given if not word.startswith("-")), None)
    if chosen is not None and chosen not in COMMANDS:
        _unknown(parser, chosen)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary}.")
        if name == chosen:
            module = import_module(f"attnc.runtime.commands.{name}")
            module.arguments(command)
            command.set_defaults(run=module.run)
    return parser


def _unknown(parser: argparse.ArgumentParser, name: str) -> None:
    """Say so and leave, with the nearest command."""
    near = closest(name, COMMANDS)
    parser.error(f"unknown command `{name}`" + (f"; did you mean `{near}`?" if near else ""))


def _unread() -> int:
    """The reader of our output has gone, as in `attnc emit ... | head`: nothing more to say."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED
