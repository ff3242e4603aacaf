"""`attnc list`: the shipped specs."""

import argparse
from dataclasses import asdict, dataclass
from importlib import resources

from rich.padding import Padding
from rich.text import Text

from attnc.dsl.comments import summary
from attnc.dsl.loader import STACK, SUFFIX, all_shipped
from attnc.dsl.parser import parse
from attnc.dsl.printer import print_expression
from attnc.dsl.source import Source
from attnc.dsl.syntax import Attention, Parameter, Stack
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import console, print_json
from attnc.runtime.commands.report import YES

INDENT = 4  # columns before what a spec is


@dataclass(frozen=True, slots=True)
class Entry:
    """A shipped spec: its name, its folder, its leading comment, defaults as text by parameter."""

    name: str
    family: str
    summary: str
    parameters: dict[str, str | None]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing but --json."""
    shared.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Always 0."""
    entries = [entry(name) for name in all_shipped()]
    if options.json:
        print_json([asdict(found) for found in entries])
        return YES
    screen = console()
    for found in entries:
        values = ", ".join(f"{n} = {x}" if x else n for n, x in found.parameters.items())
        screen.print(Text.assemble((found.name, "bold"), f"({values})" if values else ""))
        screen.print(Padding(found.summary, (0, 0, 0, INDENT), expand=False))
    return YES


def entry(name: str) -> Entry:
    """What `list` says of a shipped spec."""
    text = resources.files("attnc").joinpath("specs", f"{name}{SUFFIX}").read_text("utf-8")
    file = parse(Source(name, text))
    kind = Stack if name.endswith(STACK) else Attention
    (found,) = (d for d in file.definitions if isinstance(d, kind))
    parameters = {p.name: _default(p) for p in found.parameters}
    return Entry(name, name.partition("/")[0], summary(text), parameters)


def _default(parameter: Parameter) -> str | None:
    return None if parameter.default is None else print_expression(parameter.default)
