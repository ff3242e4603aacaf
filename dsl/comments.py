"""The comments of a source, handed out in order to whatever is printed next."""

import re
from dataclasses import dataclass, field

from attnc.dsl.source import Source, Span

Place = tuple[int, int]  # line and column, from 1


@dataclass(frozen=True, slots=True)
class Comment:
    """`# text` and where it stands."""

    text: str
    place: Place


@dataclass(slots=True)
class Comments:
    """The comments that are not printed yet."""

    source: Source
    left: list[Comment] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, line in enumerate(self.source.lines, start=1):
            for found in re.finditer(r'"[^"\n]*"|(#.*)', line, flags=re.DOTALL):
                if found[1]:
                    place = (number, found.start() + 1)
                    self.left.append(Comment(found[1].rstrip(), place))

    def before(self, place: Place) -> list[Comment]:
        """Takes the comments in front of a place."""
        taken = [comment for comment in self.left if comment.place < place]
        self.left = self.left[len(taken) :]
        return taken

    def beside(self, line: int, limit: Place) -> str:
        """Takes the comment on this line that stands in front of `limit`, with two blanks."""
        if self.left and self.left[0].place[0] == line and self.left[0].place < limit:
            return f"  {self.left.pop(0).text}"
        return ""

    def gap(self, line: int) -> bool:
        """Whether the line above is blank."""
        return line > 1 and not self.source.lines[line - 2].strip()


def start(span: Span) -> Place:
    """The first character."""
    return span.line, span.column


def end(span: Span) -> Place:
    """The place after the last character."""
    return span.end_line, span.end_column


def summary(text: str) -> str:
    """The first sentence of the comment that a text begins with.

    >>> summary("# A window of keys on each side. And more.")
    'A window of keys on each side.'
    """
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    comment = " ".join(lines)
    end = _sentence_end(comment)
    return comment[:end]


def _sentence_end(comment: str) -> int:
    """The place after the first full stop outside of parentheses."""
    depth = 0
    for place, letter in enumerate(comment):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "." and depth == 0 and comment[place + 1 : place + 2] in ("", " "):
            return place + 1
    return len(comment)
