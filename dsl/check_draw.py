"""Types of `draw(n, seed, places...)` and `chance(p, seed, places...)`, and what they take."""

from typing import TYPE_CHECKING

from attnc.dsl import syntax as ast
from attnc.dsl.constants import Value
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes import draws
from attnc.dsl.print_nodes import print_expression
from attnc.dsl.scope import Level, Typed
from attnc.dsl.source import Span

if TYPE_CHECKING:
    from attnc.dsl.check_expression import ExpressionChecker

DRAWS = ("draw", "chance")
MOST = (1 << 31) - 1


def check_draw(checker: "ExpressionChecker", call: ast.Call) -> Typed:
    """An int that varies, or a condition."""
    first, *places = call.arguments
    for place in places:
        checker.integer(place)
    if call.function == "draw":
        checker.integer(first)
        return Typed("int", Level.VARYING)
    if checker.number(first).level > Level.CONSTANT:
        text = print_expression(first)
        return checker.fail(draws.ChanceNotConstant(text, span=first.span))
    return Typed("bool", Level.VARYING)


def draw_mistake(function: str, first: Value | None, span: Span) -> Diagnostic | None:
    """What is wrong with the first argument, as far as its value is known."""
    if function == "draw" and isinstance(first, int) and not 1 <= first <= MOST:
        return draws.DrawOutOfRange(first, span=span)
    if function == "chance" and isinstance(first, int | float) and not 0 <= first <= 1:
        return draws.ChanceOutOfRange(f"{first:g}", span=span)
    return None
