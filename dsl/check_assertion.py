"""One assertion: its name, its form, its numbers."""

from attnc.dsl import syntax as ast
from attnc.dsl.check_expression import ExpressionChecker
from attnc.dsl.check_set import Masks, SetChecker
from attnc.dsl.mistakes.assertions import AssertionNotConstant, assertion_form
from attnc.dsl.mistakes.grids import cache_on_grid
from attnc.dsl.print_nodes import print_expression
from attnc.dsl.scope import Level


def check_assertion(
    statement: ast.AssertStatement, expressions: ExpressionChecker, masks: Masks
) -> None:
    """Adds what is wrong with an assertion to the mistakes."""
    axes = expressions.scope.grid
    if axes and statement.kind == "bounded_cache":
        expressions.fail(cache_on_grid(statement.span))
        return
    if not _well_formed(statement, max(1, len(axes))):
        expressions.fail(assertion_form(statement.kind, statement.span, len(axes)))
        return
    for argument in statement.arguments:
        _constant(argument, expressions.integer(argument).level, expressions)
    if statement.limit is not None:
        _constant(statement.limit, expressions.number(statement.limit).level, expressions)
    if statement.other is not None:
        SetChecker(expressions, masks).check(statement.other)


def _well_formed(statement: ast.AssertStatement, axes: int) -> bool:
    """Whether it has the form of its kind; a length is an extent for each axis of a grid."""
    compared = statement.comparison is not None
    match statement.kind, len(statement.arguments):
        case "causal" | "covers" | "bounded_cache" | "heads_cover", 0:
            return not compared
        case "density", count:
            return compared and count == axes
        case "reaches", count:
            return not compared and count in (1, 1 + axes)
        case "same_as", _:
            return statement.other is not None
        case _:
            return False


def _constant(expr: ast.Expr, level: Level, expressions: ExpressionChecker) -> None:
    if level > Level.CONSTANT:
        expressions.fail(AssertionNotConstant(print_expression(expr), span=expr.span))
