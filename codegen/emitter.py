"""Indented lines of source text."""

from collections.abc import Iterator
from contextlib import contextmanager


class Emitter:
    """Collects lines; `block` indents what is written inside it.

    `binding` is how the target names a value that never changes.
    """

    def __init__(self, binding: str = "{0} = {1}") -> None:
        self._binding = binding
        self._lines: list[str] = []
        self._depth = 0
        self._names = 0
        self._shared: dict[str, str] = {}

    def line(self, *texts: str) -> None:
        """Write one line for each text, at the current depth."""
        self._shared = {}
        self._lines.extend("    " * self._depth + text for text in texts)

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Write the header (which ends in a colon) and indent what follows."""
        self.line(header)
        self._depth += 1
        yield
        self._depth -= 1

    def fresh(self, stem: str) -> str:
        """A name that no other call has returned."""
        self._names += 1
        return f"{stem}_{self._names}"

    def bind(self, stem: str, value: str, binding: str = "") -> str:
        """Bind a value to a fresh name, and return the name; another `binding` may have lines."""
        name = self.fresh(stem)
        self.line(*(binding or self._binding).format(name, value).splitlines())
        return name

    def share(self, stem: str, value: str, binding: str = "") -> str:
        """Bind a value, or return its name if it was bound since any other line was written."""
        known = self._shared
        if value not in known:
            known[value] = self.bind(stem, value, binding)
            self._shared = known  # the binding itself is no other line
        return known[value]

    def text(self) -> str:
        """Everything written, ending in a newline."""
        return "\n".join(self._lines) + "\n"
