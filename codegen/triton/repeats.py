"""Names for what long expressions say again and again, such as the hash that draws a block."""

import ast
from collections import Counter
from collections.abc import Mapping

from attnc.codegen.triton.lines import Lines, tidy

SHORT = 24  # characters of an expression that needs no name


def let_all(out: Lines, **definitions: str) -> None:
    """Bind names; where that takes a long line, what the expressions repeat gets names first."""
    texts = {name: tidy(text) for name, text in definitions.items()}
    if any(out.wide(f"{name} = {text}") for name, text in texts.items()):
        texts = _named(out, texts)
    for name, text in texts.items():
        out.let(name, text)


def _named(out: Lines, texts: Mapping[str, str]) -> dict[str, str]:
    """The expressions, after lines that name their repeated parts."""
    unique, names = _Unique(), _Names()
    roots = {name: unique.visit(ast.parse(x, mode="eval").body) for name, x in texts.items()}
    parts = [*unique.parts.values()]
    uses = Counter(id(child) for part in parts for child in ast.iter_child_nodes(part))
    for part in parts:
        names.generic_visit(part)
        text = ast.unparse(part)
        if uses[id(part)] > 1 and len(text) > SHORT:
            name = out.fresh("e")
            out.let(name, text)
            names.known[id(part)] = ast.Name(name)
    return {name: ast.unparse(names.visit(root)) for name, root in roots.items()}


class _Unique(ast.NodeTransformer):
    """Makes one node of equal expressions; `parts` has each after those that it is made of."""

    def __init__(self) -> None:
        self.parts: dict[tuple[object, ...], ast.expr] = {}

    def visit(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node, ast.expr):
            return node
        fields = [value for _, value in ast.iter_fields(node)]
        return self.parts.setdefault((type(node), *map(_identity, fields)), node)


def _identity(field: object) -> object:
    """What tells a field of a node from others; expressions in it are unique."""
    if isinstance(field, list):
        return tuple(map(_identity, field))
    if isinstance(field, ast.expr):
        return id(field)
    return ast.dump(field) if isinstance(field, ast.AST) else repr(field)


class _Names(ast.NodeTransformer):
    """Puts names for the parts of a node that have some."""

    def __init__(self) -> None:
        self.known: dict[int, ast.expr] = {}

    def visit(self, node: ast.AST) -> ast.AST:
        return self.known.get(id(node), node)
