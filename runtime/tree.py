"""The checked tree of a spec as indented text: the `ast` stage."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from attnc.dsl.program import Program
from attnc.dsl.syntax import Attention, Node

HIDDEN = ("span", "source")


def tree(program: Program) -> str:
    """The definitions of the spec's own file, the types of parameters filled in."""
    lines: list[str] = []
    for definition in program.file.definitions:
        shown = program.attention if isinstance(definition, Attention) else definition
        lines += [*_lines(shown, 0, ""), ""]
    return "\n".join(lines)


def _lines(node: Node, depth: int, role: str) -> Iterator[str]:
    """A line for the node with its plain fields and its place, then its parts, indented."""
    values = {field.name: getattr(node, field.name) for field in fields(node)}
    parts = {n: x for n, x in values.items() if n not in HIDDEN and _nodes(x)}
    plain = " ".join(
        f"{name}={_plain(value)}" if isinstance(value, bool) and name != "value" else _plain(value)
        for name, value in values.items()
        if name not in HIDDEN and name not in parts and value not in ((), None)
    )
    place = f"@{node.span.line}:{node.span.column}"
    label = f"{role}: " if role else ""
    words = [f"{'  ' * depth}{label}{type(node).__name__}", plain, place]
    yield " ".join(word for word in words if word)
    for name, value in parts.items():
        for role, part in _nodes(value):
            yield from _lines(part, depth + 1, role or name)


def _nodes(value: Any) -> list[tuple[str, Node]]:
    """The nodes of a field; those of `(name, node)` pairs with their names."""
    match value:
        case Node():
            return [("", value)]
        case tuple() if value and all(isinstance(item, Node) for item in value):
            return [("", item) for item in value]
        case tuple() if value and all(isinstance(item, tuple) for item in value):
            return [(name, node) for name, node in value]
        case _:
            return []


def _plain(value: Any) -> str:
    match value:
        case str():
            return f"`{value}`" if " " in value else value
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(map(_plain, value))}]"
        case _:
            return repr(value)
