"""What branches say, read from the tree."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from attnc.dsl import syntax as ast
from attnc.dsl.complexity import nodes

POOLED = ("mean", "max")
ARGUMENTS = {
    "pooled": ("kind", "size", "stride"),
    "memory": ("keys", "values", "size", "stride"),
}


def branches(attention: ast.Attention) -> tuple[ast.Branch, ...]:
    """The branches as they are written, in order."""
    return tuple(s for s in attention.body if isinstance(s, ast.Branch))


def own_statements(attention: ast.Attention) -> tuple[ast.Statement, ...]:
    """The statements of an attention and of its branches."""
    inner = (statements(branch) for branch in branches(attention))
    return (*attention.body, *(statement for body in inner for statement in body))


def epilogue_inputs(attention: ast.Attention) -> frozenset[str]:
    """The names that a merge or an output reads and no mask or score does."""
    after: set[str] = set()
    before: set[str] = set()
    for statement in own_statements(attention):
        match statement:
            case ast.Merge(gate=gate) if gate is not None:
                after.add(gate)
            case ast.OutputStatement(value):
                after.update(names(value))
            case ast.MaskStatement(body):
                before.update(names(body))
            case ast.ScoreStatement(value):
                before.update(names(value))
            case _:
                pass
    return frozenset(after - before)


def names(node: ast.Expr | ast.SetExpr) -> Iterator[str]:
    """The names that an expression or a set mentions."""
    for found in nodes(node):
        match found:
            case ast.Name(name) | ast.Index(base=name) | ast.Member(base=name):
                yield name
            case _:
                pass


def pooled(branch: ast.Branch) -> Mapping[str, ast.Expr]:
    """The arguments of pooled keys or of a memory; empty where the keys are tokens."""
    for item in branch.body:
        if isinstance(item, ast.BranchKeys):
            given = dict(zip(ARGUMENTS.get(item.form, ()), item.arguments, strict=False))
            given |= dict(item.keywords)
            size = ast.Int(1) if item.form == "memory" else ast.Int(0)
            return {"size": size, "stride": given.get("size", size), **given}
    return {}


def memory(branch: ast.Branch) -> tuple[str, ...]:
    """The inputs that are the keys and values of a branch; empty where it has none such."""
    given = pooled(branch)
    found = (given.get(part) for part in ("keys", "values"))
    return tuple(name.id for name in found if isinstance(name, ast.Name))


def statements(branch: ast.Branch) -> tuple[ast.Statement, ...]:
    """The statements of a branch, the positions of pooled keys written out."""
    body = tuple(s for s in branch.body if not isinstance(s, ast.BranchKeys))
    given = pooled(branch)
    if "size" not in given:
        return body
    first = ast.Binary("*", ast.Name("k"), given["stride"])
    length = ast.Binary("-", given["size"], ast.Int(1))
    known = {"k.start": first, "k.end": ast.Binary("+", first, length)}
    return tuple(_written_out(s, known) for s in body)


def _written_out(value: Any, known: Mapping[str, ast.Expr]) -> Any:
    """A node with names replaced, at their places in the source."""
    match value:
        case ast.Name(name) if name in known:
            return _placed(known[name], value.span)
        case tuple():
            return tuple(_written_out(item, known) for item in value)
        case ast.Node():
            own = (f.name for f in fields(value) if f.name != "span")
            return replace(value, **{n: _written_out(getattr(value, n), known) for n in own})
        case _:
            return value


def _placed(node: Any, span: Any) -> Any:
    match node:
        case ast.Binary(op, left, right):
            return ast.Binary(op, _placed(left, span), _placed(right, span), span=span)
        case _:
            return replace(node, span=span)
