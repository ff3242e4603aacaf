"""`attnc fmt`: specs in their canonical form."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from attnc.dsl.loader import SUFFIX, all_shipped, load_any
from attnc.dsl.printer import format_source
from attnc.dsl.source import Source
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import print_json
from attnc.runtime.commands.report import FAILED, YES, UsageError

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Text:
    """A text to format; `path` where the result is written back, else it is printed."""

    source: Source
    path: Path | None


def arguments(parser: argparse.ArgumentParser) -> None:
    """Files, or `-`."""
    parser.add_argument(
        "specs",
        nargs="+",
        metavar="SPEC",
        help="files, formatted in place; `-` (stdin), a shipped name or source text is printed",
    )
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if something would")
    shared.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """With --check, 1 where something would change."""
    texts = [read(spec) for spec in options.specs]
    formatted = [format_source(text.source) for text in texts]
    changed = [new != text.source.text for text, new in zip(texts, formatted, strict=True)]
    if not options.check:
        for text, new in zip(texts, formatted, strict=True):
            _write(text, new, quiet=options.json)
    _tell(options, texts, formatted, changed)
    return FAILED if options.check and any(changed) else YES


def read(spec: str) -> Text:
    """The text of an argument: `-`, a file, a shipped name or source text."""
    known = all_shipped()
    match spec:
        case "-":
            return Text(Source("<stdin>", sys.stdin.read()), None)
        case _ if not spec.endswith(SUFFIX) and ("\n" in spec or "{" in spec):
            return Text(Source("<string>", spec), None)
        case _ if not spec.endswith(SUFFIX) and (spec in known or not Path(spec).exists()):
            return Text(load_any(spec).source, None)
        case _:
            return Text(Source(spec, _text(Path(spec))), Path(spec))


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return stream.read()
    except UnicodeDecodeError:
        raise UsageError(f"cannot read `{path}`: it is not UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"cannot read `{path}`: {error.strerror}") from None


def _write(text: Text, new: str, quiet: bool) -> None:
    if text.path is None:
        if not quiet:
            sys.stdout.write(new)
    elif new != text.source.text:
        text.path.write_text(new, encoding="utf-8", newline="")


def _tell(
    options: argparse.Namespace, texts: list[Text], formatted: list[str], changed: list[bool]
) -> None:
    if options.json:
        rows = zip(texts, formatted, changed, strict=True)
        print_json([{"file": t.source.name, "changed": c, "formatted": new} for t, new, c in rows])
        return
    verb = "would be formatted" if options.check else "formatted"
    for text, new in zip(texts, changed, strict=True):
        if new and (options.check or text.path is not None):
            print(f"{text.source.name}: {verb}", file=sys.stderr)
