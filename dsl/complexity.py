"""How large and deep a mask becomes when the masks that it names are written out."""

from collections.abc import Iterator, Mapping

from attnc.dsl import syntax as ast
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes.names import RecursiveMask
from attnc.dsl.mistakes.syntax import NestedTooDeeply, TooManyNodes

MAX_NODES = 20_000
MAX_DEPTH = 150


def children(node: ast.SetExpr | ast.Expr) -> Iterator[ast.SetExpr | ast.Expr]:
    """The direct parts of a set or scalar expression, in the order written."""
    match node:
        case (
            ast.Comprehension(part)
            | ast.Complement(part)
            | ast.Unary(_, part)
            | ast.OnAxis(part, _)
        ):
            yield part
        case ast.SetBinary(_, left, right) | ast.Binary(_, left, right):
            yield from (left, right)
        case ast.When(body, condition):
            yield from (body, condition)
        case ast.SetCall(_, arguments, keywords):
            yield from (*arguments, *(value for _, value in keywords))
        case ast.List(parts) | ast.Index(_, parts) | ast.Compare(_, parts) | ast.Call(_, parts):
            yield from parts
        case ast.Member(value, _, indices):
            yield from (value, *indices)
        case ast.Exists(_, low, high, body):
            yield from (low, high, body)


def nodes(node: ast.SetExpr | ast.Expr) -> Iterator[ast.SetExpr | ast.Expr]:
    """A set or scalar expression and everything below it."""
    yield node
    for part in children(node):
        yield from nodes(part)


def calls(expr: ast.SetExpr | ast.Expr) -> Iterator[ast.SetCall]:
    """Every mask that is named in an expression."""
    return (node for node in nodes(expr) if isinstance(node, ast.SetCall))


def find_recursion(masks: Mapping[str, ast.MaskDefinition]) -> Diagnostic | None:
    """The first mask that is defined by itself."""
    done: set[str] = set()
    for name in masks:
        chain = _cycle(name, masks, done)
        if chain:
            at = masks[chain[0]]
            return RecursiveMask(at.name, " -> ".join(chain), span=at.span)
    return None


def _cycle(start: str, masks: Mapping[str, ast.MaskDefinition], done: set[str]) -> list[str]:
    """A chain of names that returns to its first, empty where there is none. Not recursive."""
    pending = [(start, iter(_named(masks, start)))]
    path = [start]
    while pending:
        name, rest = pending[-1]
        following = next(rest, None)
        if following is None:
            done.add(name)
            pending.pop()
            path.pop()
        elif following in path:
            return [*path[path.index(following) :], following]
        elif following not in done and following in masks:
            path.append(following)
            pending.append((following, iter(_named(masks, following))))
    return []


def _named(masks: Mapping[str, ast.MaskDefinition], name: str) -> list[str]:
    return list(dict.fromkeys(call.name for call in calls(masks[name].body)))


class Sizes:
    """Nodes and levels of every mask, written out; `masks` must not be recursive."""

    def __init__(self, masks: Mapping[str, ast.MaskDefinition]) -> None:
        self.masks = masks
        self.known: dict[str, tuple[int, int]] = {}

    def excess(self, expr: ast.SetExpr) -> Diagnostic | None:
        """What is wrong with the size of a set expression, if anything."""
        self._learn(expr)
        nodes, depth = self.of(expr)
        if nodes > MAX_NODES:
            return TooManyNodes(MAX_NODES, span=expr.span)
        return NestedTooDeeply(MAX_DEPTH, span=expr.span) if depth > MAX_DEPTH else None

    def of(self, node: ast.SetExpr | ast.Expr) -> tuple[int, int]:
        """Nodes and levels; an argument counts once for every use that there could be."""
        parts = [self.of(part) for part in children(node)]
        nodes = 1 + sum(n for n, _ in parts)
        depth = 1 + max((d for _, d in parts), default=0)
        if isinstance(node, ast.SetCall) and node.name in self.known:
            inner_nodes, inner_depth = self.known[node.name]
            widest = max((n for n, _ in parts), default=1)
            return 1 + inner_nodes * widest, depth + inner_depth
        return nodes, depth

    def _learn(self, expr: ast.SetExpr) -> None:
        """Measures the masks that an expression needs, innermost first. Not recursive."""
        pending = [call.name for call in calls(expr)]
        while pending:
            name = pending[-1]
            if name in self.known or name not in self.masks:
                pending.pop()
                continue
            body = self.masks[name].body
            missing = [
                n for n in _named(self.masks, name) if n in self.masks and n not in self.known
            ]
            if missing:
                pending += missing
            else:
                self.known[name] = self.of(body)
