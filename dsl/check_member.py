"""`value in base[i, j]`: which lists a run-time set has, and what is looked up in them."""

from typing import TYPE_CHECKING

from attnc.dsl import syntax as ast
from attnc.dsl.check_segments import check_segment_test
from attnc.dsl.complexity import nodes
from attnc.dsl.mistakes import names, sets, typing
from attnc.dsl.scope import Level, Symbol, Typed
from attnc.dsl.types import AXIS_INDEX, SET_AXES

if TYPE_CHECKING:
    from attnc.dsl.check_expression import ExpressionChecker


def check_member(checker: "ExpressionChecker", expr: ast.Member) -> Typed:
    """A condition. The lists of queries are asked for what depends on the key only."""
    if expr.base in checker.scope.segments:
        return check_segment_test(checker, expr)
    before = len(checker.mistakes)
    symbol = checker.scope.find(expr.base)
    if symbol is None:
        known = tuple(n for n, s in checker.scope.symbols.items() if s.kind == "set")
        return checker.fail(names.UnknownInput(expr.base, known, span=expr.span))
    if symbol.kind != "set" or checker.scope.place != "mask":
        return checker.fail(sets.NotASet(expr.base, span=expr.span))
    axes = symbol.axes or ()
    if len(axes) != len(expr.indices):
        facts = (expr.base, ", ".join(axes), len(axes), len(expr.indices))
        return checker.fail(typing.WrongIndexCount(*facts, span=expr.span))
    for axis, index in zip(axes, expr.indices, strict=True):
        _axis(checker, expr.base, axis, index)
    checker.integer(expr.value)
    _value(checker, expr, symbol)
    return Typed("bool" if len(checker.mistakes) == before else "unknown", Level.VARYING)


def _axis(checker: "ExpressionChecker", name: str, axis: str, index: ast.Expr) -> None:
    match axis, index:
        case "q", ast.Binary("div", ast.Name("q"), size):
            if checker.integer(size).level > Level.CONSTANT:
                checker.fail(sets.ChooserSize(name, span=size.span))
        case _, ast.Name(by) if by in AXIS_INDEX.get(axis, ()) or axis not in SET_AXES:
            pass  # an axis that a set cannot have is told once, where it is declared
        case "q", _:
            checker.fail(typing.WrongIndex(name, axis, "`q` or `q div 64`", span=index.span))
        case _:
            by = " or ".join(f"`{word}`" for word in AXIS_INDEX[axis])
            checker.fail(typing.WrongIndex(name, axis, by, span=index.span))


def _value(checker: "ExpressionChecker", expr: ast.Member, symbol: Symbol) -> None:
    """What is looked up must be known where the lists are read, without a tensor."""
    read = {node.id for node in nodes(expr.value) if isinstance(node, ast.Name)}
    reads_input = any(
        (found := checker.scope.symbols.get(name)) is not None and found.axes is not None
        for name in read
    ) or any(isinstance(node, ast.Index | ast.Member) for node in nodes(expr.value))
    outside = {"q"} if "q" in (symbol.axes or ()) else set()
    if reads_input or read & (outside | {"h", "b"}):
        checker.fail(sets.SetValue(expr.base, span=expr.value.span))
