"""What goes wrong, for people on stderr and as an exit status, and with --json on stdout too."""

import argparse
import sys
from typing import Any

from attnc.dsl.diagnostics import AttnError, Diagnostic, DiagnosticsError
from attnc.dsl.failures import (
    GridMissing,
    HeadCountMismatch,
    HeadsMissing,
    InvalidGrid,
    MissingInput,
    NotBuiltForTarget,
    PackageMissing,
    UnknownArgument,
)
from attnc.dsl.mistakes.binding import (
    MissingParameter,
    ParameterTooLarge,
    UnknownParameter,
    WrongParameterType,
)
from attnc.dsl.mistakes.files import UnknownSpec, UnreadableSpec
from attnc.dsl.mistakes.syntax import NotSupported
from attnc.runtime.commands.output import print_json

YES, FAILED, USAGE = 0, 1, 2


class UsageError(AttnError):
    """The command line asks for something that makes no sense; the message says what."""


# The spec is not to blame for these: the command line is, or this version of attnc.
_USAGE_ERRORS = (
    UsageError,
    GridMissing,
    HeadCountMismatch,
    HeadsMissing,
    InvalidGrid,
    InvalidGrid,
    MissingInput,
    NotBuiltForTarget,
    PackageMissing,
    UnknownArgument,
)
_USAGE_MISTAKES = (
    MissingParameter,
    NotSupported,
    ParameterTooLarge,
    UnknownParameter,
    UnknownSpec,
    UnreadableSpec,
    WrongParameterType,
)


def report(error: AttnError | OSError, options: argparse.Namespace) -> int:
    """Print an error; the exit status that it means."""
    print(message(error), file=sys.stderr)
    if getattr(options, "json", False):
        print_json({"ok": False, "errors": facts(error)})
    return status_of(error)


def message(error: AttnError | OSError) -> str:
    """An error as a person reads it on the command line."""
    match error:
        case DiagnosticsError():
            return str(error)
        case HeadsMissing(name=name):
            return f"error: the spec depends on the head: pass --{name.replace('_', '-')}"
        case GridMissing(axes=axes):
            return f"error: the spec is on a grid: pass its extents {axes} as --grid 16,32,..."
        case MissingInput(name=name):
            return f"error: input `{name}` is missing: pass it with -p {name}=..."
        case OSError(filename=str(path), strerror=str(reason)):
            return f"error: {path}: {reason}"
        case _:
            return f"error: {error}"


def status_of(error: AttnError | OSError) -> int:
    """2 where the command line is at fault or something is not built yet, else 1."""
    match error:
        case DiagnosticsError(diagnostics=found):
            return USAGE if all(isinstance(d, _USAGE_MISTAKES) for d in found) else FAILED
        case _ if isinstance(error, _USAGE_ERRORS):
            return USAGE
        case _:
            return FAILED


def facts(error: AttnError | OSError) -> list[dict[str, Any]]:
    """An error as plain data: one entry for each mistake."""
    match error:
        case DiagnosticsError(diagnostics=found):
            return [_mistake(diagnostic) for diagnostic in found]
        case _:
            return [{"code": type(error).__name__, "message": str(error)}]


def _mistake(diagnostic: Diagnostic) -> dict[str, Any]:
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "message": diagnostic.message,
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
    }
