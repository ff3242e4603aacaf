"""Source texts and the spans that point into them."""

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Source:
    """One text: where it came from (`name`, for messages) and what it says."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without their ends; at least one, so that every position has a line."""
        return tuple(line.rstrip("\r") for line in self.text.split("\n"))


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a source: 1-based line and column of its first character and past its last."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"

    @property
    def text(self) -> str:
        """The source line that the span starts on."""
        lines = self.source.lines
        return lines[min(self.line, len(lines)) - 1]


NOWHERE = Span(Source("<generated>", ""), 1, 1, 1, 1)
