"""What a user is told: a mistake with its facts, rendered with the source line and a caret."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from attnc.dsl.source import NOWHERE, Span

MAX_SHOWN = 20  # mistakes rendered of one file
MAX_COLUMNS = 120  # of a source line
MAX_FACT = 200  # characters of a fact in a message


class AttnError(Exception):
    """The base of everything that a user of attnc can be told."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake. The texts are templates over the fields and properties of the class.

    A note or hint is left out where a fact that it names is None or empty.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    label: ClassVar[str] = ""
    notes: ClassVar[tuple[str, ...]] = ()
    hints: ClassVar[tuple[str, ...]] = ()
    span: Span = field(kw_only=True)

    @property
    def message(self) -> str:
        """The title with its facts."""
        return fill(self.title, self) or self.title

    def render(self) -> str:
        """The whole text: `file:line:col`, title, source line, caret, notes, hints."""
        where = f"{self.span}: " if self.span.source.text else f"{self.span.source.name}: "
        place = "" if self.span.source is NOWHERE.source else where
        lines = [f"{place}error: {self.message} [{self.code}]"]
        if self.span.source.text:
            lines += _excerpt(self.span, fill(self.label, self) or "")
        lines += _remarks("note", self.notes, self) + _remarks("hint", self.hints, self)
        return "\n".join(lines)


class DiagnosticsError(AttnError):
    """One or more mistakes in a spec or in the parameters that it was given.

    `str()` is the plain text that the command line prints.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(
            sorted(dict.fromkeys(diagnostics), key=_place)
        )
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        shown = [d.render() for d in self.diagnostics[:MAX_SHOWN]]
        if (hidden := len(self.diagnostics) - MAX_SHOWN) > 0:
            shown.append(f"... and {hidden} more")
        return "\n\n".join(shown)


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    """Where a mistake stands, for sorting."""
    return diagnostic.span.source.name, diagnostic.span.line, diagnostic.span.column


def fill(template: str, facts: object, required: bool = False) -> str | None:
    """The template with its facts; None where one of them is None or empty, unless `required`."""
    values: dict[str, Any] = {}
    for name in re.findall(r"{(\w+)}", template):
        value = getattr(facts, name)
        if not required and (value is None or value == ""):
            return None
        values[name] = _short(value)
    return template.format(**values)


def _short(value: object) -> object:
    """A fact at a readable length."""
    long = isinstance(value, str) and len(value) > MAX_FACT
    return f"{str(value)[: MAX_FACT - 3]}..." if long else value


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` most likely stands for, None where nothing is near."""
    lowered = {candidate.lower(): candidate for candidate in sorted(known)}
    found = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def listing(words: Sequence[str], joiner: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joiner} {words[-1]}"


def _remarks(kind: str, templates: tuple[str, ...], facts: object) -> list[str]:
    texts = (fill(template, facts) for template in templates)
    return [f"  {kind}: {text}" for text in texts if text]


def _excerpt(span: Span, label: str) -> list[str]:
    """The source line and the caret line; control characters shown as blanks, long lines cut."""
    line = "".join(c if c.isprintable() else " " for c in span.text)
    start = min(span.column - 1, len(line))
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    cut = max(0, start - MAX_COLUMNS // 2)
    shown, start, end = line[cut : cut + MAX_COLUMNS], start - cut, end - cut
    width = max(1, min(end, len(shown)) - start)
    return [f"    {shown}", f"    {' ' * start}{'^' * width} {label}".rstrip()]
