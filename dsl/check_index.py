"""`base[i, j]`: lists by head, inputs by their axes."""

from typing import TYPE_CHECKING

from attnc.dsl import syntax as ast
from attnc.dsl.bounds import Bounds
from attnc.dsl.mistakes import names, routes, sets, typing
from attnc.dsl.scope import UNKNOWN, Level, Symbol, Typed
from attnc.dsl.types import AXES, AXIS_INDEX

if TYPE_CHECKING:
    from attnc.dsl.check_expression import ExpressionChecker


def check_index(checker: "ExpressionChecker", expr: ast.Index) -> Typed:
    """The type of an item of a list or an input."""
    match checker.scope.find(expr.base):
        case None:
            known = tuple(n for n, s in checker.scope.symbols.items() if s.is_list or s.axes)
            return checker.fail(names.UnknownInput(expr.base, known, span=expr.span))
        case Symbol(kind="set"):
            return checker.fail(sets.SetAsNumber(expr.base, span=expr.span))
        case Symbol(is_list=True, kind=kind):
            return _list_item(checker, expr, Typed(kind, Level.HEAD))
        case Symbol(axes=(_, *_) as axes, kind=kind):
            return _tensor_item(checker, expr, axes, Typed(kind, Level.VARYING))
        case _:
            return checker.fail(typing.NotIndexable(expr.base, span=expr.span))


def _list_item(checker: "ExpressionChecker", expr: ast.Index, item: Typed) -> Typed:
    match expr.indices:
        case (ast.Name("h"),):
            return item
        case _:
            return checker.fail(typing.ListIndex(expr.base, span=expr.span))


def _tensor_item(
    checker: "ExpressionChecker", expr: ast.Index, axes: tuple[str, ...], item: Typed
) -> Typed:
    if len(axes) != len(expr.indices):
        facts = (expr.base, ", ".join(axes), len(axes), len(expr.indices))
        return checker.fail(typing.WrongIndexCount(*facts, span=expr.span))
    before = len(checker.mistakes)
    for axis, index in zip(axes, expr.indices, strict=True):
        _axis(checker, expr.base, axis, index)
    return item if len(checker.mistakes) == before else UNKNOWN


def _axis(checker: "ExpressionChecker", name: str, axis: str, index: ast.Expr) -> None:
    match axis, index:
        case (("chooser" | "unit"), _):
            checker.fail(routes.RouteOnly(name, axis, span=index.span))
        case "d", _:
            checker.integer(index)
            bounds = Bounds(checker.scope)
            if not (bounds.below(index) and bounds.above(index)):
                checker.fail(typing.UnboundedIndex(name, span=index.span))
        case "token", ast.Name("q") if checker.scope.cross:
            checker.fail(typing.TokenAxisByQuery(name, span=index.span))
        case "token", ast.Name("q" | "k"):
            pass
        case _, ast.Name(by) if by in AXIS_INDEX.get(axis, ()) or axis not in AXES:
            pass  # an unknown axis is told once, where it is declared
        case _:
            by = " or ".join(f"`{word}`" for word in AXIS_INDEX.get(axis, ("q", "k")))
            checker.fail(typing.WrongIndex(name, axis, by, span=index.span))
