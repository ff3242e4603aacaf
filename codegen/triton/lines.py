"""Lines of Python as `ruff format` leaves them."""

import ast
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from attnc.codegen.emitter import Emitter

WIDTH = 100
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def tidy(expression: str) -> str:
    """An expression with no more parentheses than it needs."""
    return ast.unparse(ast.parse(expression.strip(), mode="eval")).replace("'", '"')


def defined(found: dict[str, str], used: set[str]) -> list[str]:
    """The lines that define the names in use and what those need, which comes after them."""
    lines: list[str] = []
    for name, text in found.items():
        if name in used | set(IDENTIFIER.findall("\n".join(lines))):
            lines.insert(0, f"{name} = {text}")
    return lines


class Lines(Emitter):
    """An emitter that knows how wide a line may be."""

    def __init__(self, depth: int = 0) -> None:
        super().__init__()
        self._depth = depth

    def paste(self, text: str) -> None:
        """Lines that are indented already."""
        self._lines.extend(text.splitlines() or [""])

    def wide(self, text: str) -> bool:
        """Whether a line at this depth would be too long."""
        return 4 * self._depth + len(text) > WIDTH

    def let(self, name: str, expression: str, comment: str = "") -> None:
        """Bind a name; where that takes a long line, the formatter is told to leave it."""
        text = f"{name} = {tidy(expression)}"
        skip = "  # fmt: skip" if self.wide(text) else ""
        note = f"  # {comment}" if comment and not skip and not self.wide(text + comment) else ""
        self.line(text + skip + note)

    def call(
        self,
        head: str,
        arguments: Sequence[str],
        end: str = "",
        comment: str = "",
        brackets: tuple[str, str] = ("(", ")"),
    ) -> None:
        """`head(arguments)end`, on one line or with one argument on each."""
        left, right = brackets
        text = f"{head}{left}{', '.join(arguments)}{right}{end}"
        note = f"  # {comment}" if comment else ""
        if not self.wide(text):
            self.line(text + ("" if self.wide(text + note) else note))
            return
        self.line(f"{head}{left}")
        self.line(*(f"    {argument}," for argument in arguments))
        self.line(f"{right}{end}{note}")

    @contextmanager
    def function(
        self, name: str, arguments: Sequence[str], jit: bool = True, general: Sequence[str] = ()
    ) -> Iterator[None]:
        """A function, and what is written inside as its body.

        Numbers for which the JIT makes no variants are `general`.
        """
        self.line("", "", *(["@triton.jit"] if jit and not general else []))
        if general:
            names = ", ".join(f'"{argument}"' for argument in general)
            self.call("@triton.jit", [f"do_not_specialize=[{names}]"])
        self.call(f"def {name}", arguments, ":")
        self._depth += 1
        yield
        self._depth -= 1
