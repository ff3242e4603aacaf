"""The value of a compile-time expression, on Python numbers."""

import operator
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from attnc.dsl import syntax as ast
from attnc.dsl.build import MAX_INT

Scalar = int | float | bool
Value = Scalar | tuple[int | float, ...]
Environment = Mapping[str, Value]


class ConstantError(Exception):
    """A constant expression without a value; `str()` completes "`EXPRESSION` ..."."""

    def __init__(self, reason: str, expr: ast.Expr) -> None:
        self.expr = expr
        super().__init__(reason)


class _NoValueError(Exception):
    """Why an operation has no result."""


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "div": operator.floordiv,
    "mod": operator.mod,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "clamp": lambda x, low, high: min(max(x, low), high),
}


def evaluate(expr: ast.Expr, environment: Environment) -> Value | None:
    """The value, or None where it depends on something that the environment does not have.

    Raises `ConstantError` for a division by zero and for what 64 bits cannot hold.
    """
    match expr:
        case ast.Int(value) | ast.Float(value) | ast.Bool(value):
            return value
        case ast.Name(name):
            return environment.get(name)
        case ast.List(items):
            return _all(lambda *values: values, items, environment, expr)
        case ast.Unary(op, operand):
            return _all(operator.neg if op == "-" else operator.not_, (operand,), environment, expr)
        case ast.Binary("and" | "or" as op, left, right):
            join = all if op == "and" else any
            return _all(lambda *values: join(values), (left, right), environment, expr)
        case ast.Binary("^", left, right):
            return _all(_power, (left, right), environment, expr)
        case ast.Binary(op, left, right):
            return _all(_OPERATORS[op], (left, right), environment, expr)
        case ast.Compare(ops, operands):
            return _all(lambda *values: _holds(ops, values), operands, environment, expr)
        case ast.Call(function, arguments) if function in _FUNCTIONS:
            return _all(_FUNCTIONS[function], arguments, environment, expr)
        case _:
            return None


def _all(
    function: Callable[..., Any],
    parts: tuple[ast.Expr, ...],
    environment: Environment,
    expr: ast.Expr,
) -> Any | None:
    values = [evaluate(part, environment) for part in parts]
    if any(value is None for value in values):
        return None
    try:
        result = function(*values)
    except ZeroDivisionError:
        raise ConstantError("divides by zero", expr) from None
    except OverflowError:
        raise ConstantError("is too large for a float", expr) from None
    except _NoValueError as error:
        raise ConstantError(str(error), expr) from None
    if isinstance(result, int) and not -MAX_INT - 1 <= result <= MAX_INT:
        raise ConstantError("does not fit 64 bits", expr)
    return result


def _holds(ops: tuple[str, ...], values: tuple[Any, ...]) -> bool:
    pairs = pairwise(values)
    return all(_OPERATORS[op](a, b) for op, (a, b) in zip(ops, pairs, strict=True))


def _power(base: int | float, exponent: int | float) -> int | float:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and exponent < 0:
        raise _NoValueError("has a negative exponent (a real power has a real base, `2.0`)")
    if whole and exponent > 64 and abs(base) > 1:
        raise _NoValueError("does not fit 64 bits")
    result = base**exponent
    if isinstance(result, complex):
        raise _NoValueError("is not a real number")
    return result
