"""From the parse tree to declarations, statements and the file."""

from typing import Any, cast

from lark import Token, Tree

from attnc.dsl import syntax as ast
from attnc.dsl.build import Branch, Builder
from attnc.dsl.mistakes.assertions import assertion_form
from attnc.dsl.mistakes.branches import MergeForm
from attnc.dsl.mistakes.forms import NormaliserArguments
from attnc.dsl.mistakes.syntax import UnknownType
from attnc.dsl.route_forms import BRANCH
from attnc.dsl.source import Span

_PARAMETER_TYPES = ("int", "float", "bool", "list")


def build_file(tree: Branch, builder: Builder) -> ast.File:
    """The tree of a whole source."""
    version: int | None = None
    uses: list[ast.Use] = []
    definitions: list[ast.Definition] = []
    for item in cast(list[Any], tree.children):
        match item.data:
            case "version":
                version = int(str(item.children[0])[:9])
            case "use_name" | "use_path":
                uses.append(_use(item, builder))
            case _:
                definitions.append(_definition(item, builder))
    span = builder.span(tree)
    return ast.File(builder.source, version, tuple(uses), tuple(definitions), span=span)


def _use(tree: Any, builder: Builder) -> ast.Use:
    """`use std` is kept as `std`, `use "x.attn"` as `x.attn`."""
    name = str(tree.children[0])
    return ast.Use(name.strip('"'), quoted=name.startswith('"'), span=builder.span(tree))


def _definition(tree: Any, builder: Builder) -> ast.Definition:
    span = builder.span(tree)
    match tree.data, tree.children:
        case "mask_definition", [Token() as name, *parameters, body]:
            owned = _parameters(parameters, builder)
            inner = builder.set_expression(body)
            return ast.MaskDefinition(str(name), owned, inner, span=span)
        case "attention", [Token() as name, *rest]:
            heads = [item for item in rest if item.data == "parameters"]
            body = tuple(_statement(i, builder) for i in rest if i.data != "parameters")
            return ast.Attention(str(name), _parameters(heads, builder), body, span=span)
        case "grid", parts:
            return _grid(parts, builder, span)
        case "stack", [Token() as name, *rest]:
            heads = [item for item in rest if item.data == "parameters"]
            items = tuple(_stack_item(i, builder) for i in rest if i.data != "parameters")
            return ast.Stack(str(name), _parameters(heads, builder), items, span=span)
        case "route", [Token() as name, *rest]:
            heads = [item for item in rest if item.data == "parameters"]
            clauses = tuple(_route_item(i, builder) for i in rest if i.data != "parameters")
            return ast.Route(str(name), _parameters(heads, builder), clauses, span=span)
        case "segment", parts:
            return _segment(parts, builder, span)
        case other:
            raise AssertionError(f"no definition: {other}")


def _route_item(tree: Any, builder: Builder) -> ast.RouteClause | ast.RouteSet:
    span = builder.span(tree)
    match tree.data, tree.children:
        case "summary_branch", [_, given]:
            return ast.RouteClause("summary", BRANCH, *builder.arguments(given), span=span)
        case ("within" | "within_any" | "keep") as kind, [body]:
            word = cast(Any, kind.replace("_", " "))
            return ast.RouteSet(word, builder.set_expression(body), span=span)
        case kind, [form, given]:
            return ast.RouteClause(kind, str(form), *builder.arguments(given), span=span)
        case other, _:
            raise AssertionError(f"no item of a route: {other}")


def _stack_item(tree: Any, builder: Builder) -> ast.LayerStatement | ast.AssertStatement:
    span = builder.span(tree)
    if tree.data == "assertion":
        return build_assertion(tree.children[0], builder, span)
    variable, *cases = tree.children
    return ast.LayerStatement(str(variable), tuple(_case(c, builder) for c in cases), span=span)


def _case(tree: Any, builder: Builder) -> ast.LayerCase:
    name, given, *condition = tree.children
    span = builder.span(tree)
    pattern = ast.SetCall(str(name), *builder.arguments(given), span=span)
    holds = builder.expression(condition[0]) if condition else None
    return ast.LayerCase(pattern, holds, span=span)


def _parameters(trees: list[Any], builder: Builder) -> tuple[ast.Parameter, ...]:
    items = trees[0].children if trees else ()
    return tuple(_parameter(item, builder) for item in items if item is not None)


def _parameter(tree: Any, builder: Builder) -> ast.Parameter:
    name, kind, default = tree.children
    value = builder.expression(default) if default is not None else None
    type_name = str(kind.children[0]) if kind is not None else None
    if type_name is not None and type_name not in _PARAMETER_TYPES:
        allowed = "int, float, bool or list"
        builder.mistakes.append(UnknownType(type_name, allowed, span=builder.span(kind)))
        type_name = None
    return ast.Parameter(str(name), cast(Any, type_name), value, span=builder.span(tree))


def _statement(tree: Any, builder: Builder) -> ast.Statement:
    span = builder.span(tree)
    match tree.data, tree.children:
        case "input", parts:
            return _input(parts, builder, tree)
        case "mask", [body]:
            return ast.MaskStatement(builder.set_expression(body), span=span)
        case "score", [value]:
            return ast.ScoreStatement(builder.expression(value), span=span)
        case "normalize", [name, None]:
            return ast.NormalizeStatement(str(name), span=span)
        case "normalize", [name, given]:
            return _normalize(str(name), given, builder, span)
        case "assertion", [claim]:
            return build_assertion(claim, builder, span)
        case "cross", _:
            return ast.CrossStatement(span=span)
        case "grid", grid_parts:
            return _grid(grid_parts, builder, span)
        case "segment", segment_parts:
            return _segment(segment_parts, builder, span)
        case "output", [value]:
            return ast.OutputStatement(builder.expression(value), span=span)
        case _:
            return _branching(tree, builder, span)


def _branching(tree: Any, builder: Builder, span: Span) -> ast.Statement:
    match tree.data, tree.children:
        case "branch", [_, name, *items]:
            body = tuple(_branch_item(item, builder) for item in items)
            return ast.Branch(str(name), body, span=span)
        case "merge", [kind, given]:
            return _merge(str(kind), given, builder, span)
        case kind, _:
            return ast.NotBuilt(f"`{kind}`", span=span)


def _branch_item(tree: Any, builder: Builder) -> ast.BranchKeys | ast.Statement:
    if tree.data != "branch_item":
        return _statement(tree, builder)
    first, *given = tree.children
    if isinstance(first, Tree):
        return _statement(first, builder)
    return ast.BranchKeys(str(first), *builder.arguments(*given), span=builder.span(tree))


def _merge(kind: str, given: Any, builder: Builder, span: Span) -> ast.Merge:
    match kind, builder.arguments(given):
        case "sum", ((ast.Name(gate),), ()):
            return ast.Merge(kind, gate, span=span)
        case "softmax", ((), ()):
            return ast.Merge(kind, span=span)
        case _:
            builder.mistakes.append(MergeForm(span=span))
            return ast.Merge("softmax", span=span)


def build_assertion(claim: Any, builder: Builder, span: Span) -> ast.AssertStatement:
    """The node of what follows `assert`."""
    match claim.data, claim.children:
        case "same_as", [other]:
            return ast.AssertStatement("same_as", other=builder.set_expression(other), span=span)
        case _, [name, given, op, limit]:
            positional, named = builder.arguments(given)
            if named:
                builder.mistakes.append(assertion_form(str(name), span))
            value = builder.expression(limit) if limit is not None else None
            comparison = cast(Any, str(op)) if op is not None else None
            return ast.AssertStatement(str(name), positional, comparison, value, span=span)
        case other, _:
            raise AssertionError(f"no assertion: {other}")


def _grid(parts: list[Any], builder: Builder, span: Span) -> ast.Grid:
    pairs = zip(parts[::2], parts[1::2], strict=True)
    axes = (
        ast.GridAxis(str(name), builder.expression(extent), span=builder.span(name))
        for name, extent in pairs
    )
    return ast.Grid(tuple(axes), span=span)


def _segment(parts: list[Any], builder: Builder, span: Span) -> ast.Segment:
    name, length, side = parts
    return ast.Segment(str(name), builder.expression(length), cast(Any, str(side)), span=span)


def _normalize(name: str, given: Any, builder: Builder, span: Span) -> ast.Statement:
    match name, builder.arguments(given):
        case "softmax", ((), (("sink", sink),)):
            return ast.NormalizeStatement(name, sink, span=span)
        case "softmax" | "softmax1", _:
            builder.mistakes.append(NormaliserArguments(name, span=span))
            return ast.NormalizeStatement(name, span=span)
        case _:
            return ast.NotBuilt(f"`normalize {name}(...)`", span=span)


def _input(parts: list[Any], builder: Builder, tree: Tree[Token]) -> ast.Input:
    name, dtype, axes, grad = parts
    span = builder.span(tree)
    if dtype not in ("int", "float", "set"):
        builder.mistakes.append(
            UnknownType(str(dtype), "int, float or set", span=builder.span(dtype))
        )
        dtype = "int"
    names = [str(axis.children[0]) for axis in (axes.children if axes else ()) if axis is not None]
    return ast.Input(str(name), cast(Any, str(dtype)), tuple(names), grad is not None, span=span)
