"""Smart constructors: build an expression, folding what is constant. Exact on integers."""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from ctypes import c_float
from typing import assert_never

from attnc.compiler.draws import CHANCES, draw
from attnc.compiler.errors import NotAffineError
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex

BIT_LIMIT = 128  # of an integer constant
WHOLE = frozenset(("q", "k", "h", "b", "len", "qlen"))  # names of integers

OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "div": operator.floordiv,
    "mod": operator.mod,
}


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "clamp": _clamp,
    "draw": draw,
}


def conjunction(left: ast.Expr, right: ast.Expr) -> ast.Expr:
    """`left and right`."""
    match left, right:
        case (ast.Bool(True), other) | (other, ast.Bool(True)):
            return other
        case (ast.Bool(False), _) | (_, ast.Bool(False)):
            return ast.Bool(False)
    return left if left == right else ast.Binary("and", left, right)


def disjunction(left: ast.Expr, right: ast.Expr) -> ast.Expr:
    """`left or right`."""
    match left, right:
        case (ast.Bool(False), other) | (other, ast.Bool(False)):
            return other
        case (ast.Bool(True), _) | (_, ast.Bool(True)):
            return ast.Bool(True)
    return left if left == right else ast.Binary("or", left, right)


def negation(operand: ast.Expr) -> ast.Expr:
    """`not operand`, pushed into a constant, a negation or a single comparison."""
    match operand:
        case ast.Bool(value):
            return ast.Bool(not value)
        case ast.Unary("not", inner):
            return inner
        case ast.Compare((op,), operands) if not any(map(_may_be_nan, operands)):
            return ast.Compare((OPPOSITE[op],), operands)  # type: ignore[arg-type]
        case _:
            return ast.Unary("not", operand)


def _may_be_nan(expr: ast.Expr) -> bool:
    return any(isinstance(node, ast.Index | ast.Float) for node in walk(expr))


def unary(op: str, operand: ast.Expr) -> ast.Expr:
    """`- operand` or `not operand`."""
    if op == "not":
        return negation(operand)
    match operand:
        case ast.Int(value):
            return ast.Int(-value)
        case ast.Float(real):
            return ast.Float(-real)
        case ast.Unary("-", inner):
            return inner
        case _:
            return ast.Unary("-", operand)


def binary(op: str, left: ast.Expr, right: ast.Expr) -> ast.Expr:
    """`left op right`; raises `NotAffineError` for a constant division by zero."""
    match op, left, right:
        case "and", _, _:
            return conjunction(left, right)
        case "or", _, _:
            return disjunction(left, right)
        case "div" | "mod" | "/", _, ast.Int(0):
            raise NotAffineError("a division by zero")
        case "^", ast.Int(base), ast.Int(exponent):
            return _power(base, exponent)
        case _, ast.Int() | ast.Float(), ast.Int() | ast.Float() if op in _ARITHMETIC:
            return number(_ARITHMETIC[op](left.value, right.value))
        case ("*", ast.Int(0), other) | ("*", other, ast.Int(0)) if names(other) <= WHOLE:
            return ast.Int(0)
        case ("+" | "-", other, ast.Int(0)) | ("+", ast.Int(0), other):
            return other
        case ("*" | "div", other, ast.Int(1)) | ("*", ast.Int(1), other):
            return other
        case "mod", _, ast.Int(1):
            return ast.Int(0)
        case "-", ast.Int(0), other:
            return unary("-", other)
        case _:
            return ast.Binary(op, left, right)  # type: ignore[arg-type]


def _power(base: int, exponent: int) -> ast.Expr:
    if exponent < 0:
        return ast.Float(float(base) ** exponent)
    if abs(base) > 1 and exponent * abs(base).bit_length() > 2 * BIT_LIMIT:
        raise AnalysisTooComplex(f"the constant {base}^{exponent} is too large")
    return number(base**exponent)


def number(value: float) -> ast.Expr:
    """A number as a node; an integer of more than `BIT_LIMIT` bits raises `AnalysisTooComplex`."""
    if isinstance(value, float):
        return ast.Float(value)
    if abs(value).bit_length() > BIT_LIMIT:
        raise AnalysisTooComplex(f"a constant of {value.bit_length()} bits")
    return ast.Int(value)


def compare(ops: tuple[str, ...], operands: tuple[ast.Expr, ...]) -> ast.Expr:
    """The chain; constant links are decided here."""
    links = [_link(op, a, b) for op, a, b in zip(ops, operands, operands[1:], strict=False)]
    if any(link == ast.Bool(False) for link in links):
        return ast.Bool(False)
    if all(isinstance(link, ast.Compare) for link in links):
        return ast.Compare(ops, operands)  # type: ignore[arg-type]
    result: ast.Expr = ast.Bool(True)
    for link in links:
        result = conjunction(result, link)
    return result


def _link(op: str, left: ast.Expr, right: ast.Expr) -> ast.Expr:
    match left, right:
        case (ast.Int() | ast.Float() | ast.Bool(), ast.Int() | ast.Float() | ast.Bool()):
            return ast.Bool(_COMPARE[op](left.value, right.value))
        case _:
            return ast.Compare((op,), (left, right))  # type: ignore[arg-type]


def call(function: str, arguments: tuple[ast.Expr, ...]) -> ast.Expr:
    """`function(arguments)`; `min max abs clamp` of constants are computed, `where` decided."""
    match function, arguments:
        case "where", (ast.Bool(holds), yes, no):
            return yes if holds else no
        case "draw", (count, *places):
            arguments = (count, *map(_word, places))
        case "chance", (ast.Int(p) | ast.Float(p), *places):
            return chance(p, tuple(places))
    values = [a.value for a in arguments if isinstance(a, ast.Int | ast.Float)]
    if function in _FUNCTIONS and len(values) == len(arguments):
        return number(_FUNCTIONS[function](*values))
    return ast.Call(function, arguments)


def chance(p: float, places: tuple[ast.Expr, ...]) -> ast.Expr:
    """Whether a draw falls below the probability, which is rounded to float32 as reals are."""
    least = math.ceil(c_float(p).value * CHANCES)
    if least in (0, CHANCES):
        return ast.Bool(least > 0)
    return compare(("<",), (call("draw", (ast.Int(CHANCES), *places)), ast.Int(least)))


def _word(place: ast.Expr) -> ast.Expr:
    """A constant place as a signed word: the hash reads 32 bits."""
    half = 1 << 31
    match place:
        case ast.Int(value) if not -half <= value < half:
            return ast.Int((value + half) % (2 * half) - half)
        case _:
            return place


def children(expr: ast.Expr) -> tuple[ast.Expr, ...]:
    """The expressions directly below this one."""
    match expr:
        case ast.Int() | ast.Float() | ast.Bool() | ast.Name():
            return ()
        case ast.List(items):
            return items
        case ast.Index(_, indices):
            return indices
        case ast.Member(value, _, indices):
            return (value, *indices)
        case ast.Unary(_, operand):
            return (operand,)
        case ast.Binary(_, left, right):
            return (left, right)
        case ast.Compare(_, operands):
            return operands
        case ast.Call(_, arguments):
            return arguments
        case ast.Exists(_, low, high, body):
            return (low, high, body)
        case _:
            assert_never(expr)


def walk(expr: ast.Expr) -> Iterator[ast.Expr]:
    """Every node of the expression, the root first."""
    pending = [expr]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(children(node))


def names(expr: ast.Expr) -> frozenset[str]:
    """The names that occur, tensors' not among them."""
    return frozenset(node.id for node in walk(expr) if isinstance(node, ast.Name))


def on_diagonal(expr: ast.Expr, floats: frozenset[str] = frozenset()) -> ast.Expr:
    """The condition for `k = q`; a tensor compared with itself is decided, if it holds no NaN.

    A difference of the same positions is 0, so that sums of distances couple no axes.
    """

    def change(part: ast.Expr) -> ast.Expr:
        return on_diagonal(part, floats)

    match expr:
        case ast.Name("k"):
            return ast.Name("q")
        case ast.Compare((op,), operands):
            a, b = map(change, operands)
            same = a == b and isinstance(a, ast.Index) and a.base not in floats
            return ast.Bool(op in ("==", "<=", ">=")) if same else compare((op,), (a, b))
        case ast.Binary("-", left, right):
            a, b = change(left), change(right)
            same = a == b and isinstance(a, ast.Name) and a.id not in floats
            return ast.Int(0) if same else binary("-", a, b)
        case _:
            return rebuilt(expr, change)


def substitute(expr: ast.Expr, names: Mapping[str, ast.Expr]) -> ast.Expr:
    """The expression with names replaced, folded again."""
    if isinstance(expr, ast.Name):
        return names.get(expr.id, expr)
    return rebuilt(expr, lambda part: substitute(part, names))


def rebuilt(expr: ast.Expr, change: Callable[[ast.Expr], ast.Expr]) -> ast.Expr:
    """The expression with the parts directly below it changed, folded again.

    The bounds of `exists` are constants and stay.
    """
    match expr:
        case ast.Int() | ast.Float() | ast.Bool() | ast.Name():
            return expr
        case ast.List(items):
            return ast.List(tuple(map(change, items)))
        case ast.Index(base, indices):
            return ast.Index(base, tuple(map(change, indices)))
        case ast.Member(value, base, indices):
            return ast.Member(change(value), base, tuple(map(change, indices)))
        case ast.Unary(op, operand):
            return unary(op, change(operand))
        case ast.Binary(op, left, right):
            return binary(op, change(left), change(right))
        case ast.Compare(ops, operands):
            return compare(ops, tuple(map(change, operands)))
        case ast.Call(function, arguments):
            return call(function, tuple(map(change, arguments)))
        case ast.Exists(variable, low, high, body):
            return ast.Exists(variable, low, high, change(body))
        case _:
            assert_never(expr)
