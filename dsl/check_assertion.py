"""One assertion: its name, its form, its numbers."""

from attnc.dsl import syntax as ast
from attnc.dsl.check_expression import ExpressionChecker
from attnc.dsl.check_set import Masks, SetChecker
from attnc.dsl.mistakes.assertions import AssertionNotConstant, assertion_form
from attnc.dsl.print_nodes import print_expression
from attnc.dsl.scope import Level


def check_assertion(
    statement: ast.AssertStatement, expressions: ExpressionChecker, masks: Masks
) -> None:
    """Adds what is wrong with an assertion to the mistakes."""
    if not _well_formed(statement):
        expressions.fail(assertion_form(statement.kind, statement.span))
        return
    for argument in statement.arguments:
        _constant(argument, expressions.integer(argument).level, expressions)
    if statement.limit is not None:
        _constant(statement.limit, expressions.number(statement.limit).level, expressions)
    if statement.other is not None:
        SetChecker(expressions, masks).check(statement.other)


def _well_formed(statement: ast.AssertStatement) -> bool:
    compared = statement.comparison is not None
    match statement.kind, len(statement.arguments):
        case "causal" | "covers" | "bounded_cache" | "heads_cover", 0:
            return not compared
        case "density", 1:
            return compared
        case "reaches", 1 | 2:
            return not compared
        case "same_as", _:
            return statement.other is not None
        case _:
            return False


def _constant(expr: ast.Expr, level: Level, expressions: ExpressionChecker) -> None:
    if level > Level.CONSTANT:
        expressions.fail(AssertionNotConstant(print_expression(expr), span=expr.span))
