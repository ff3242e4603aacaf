"""Expressions of the language as target text, with types and lanes.

A printer is a table from operation to text template plus a resolver for names; a target supplies
both. Values carry their dtype and whether they are one number or a vector of lanes, so that mixed
operands are converted in one place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Protocol, assert_never

from attnc.compiler.draws import CHANCES
from attnc.dsl.syntax import (
    Binary,
    Bool,
    Call,
    Compare,
    Exists,
    Expr,
    Float,
    Index,
    Int,
    List,
    Member,
    Name,
    Unary,
)

INT, FLOAT, BOOL = "int32", "float32", "bool"
LN_2, LOG2_E = 0.6931471805599453, 1.4426950408889634
REAL = ("/", "sqrt", "log", "log2")  # of integers as well
POWERS = 16  # the greatest exponent that is written as products


@dataclass(frozen=True, slots=True)
class Value:
    """Target text of one value: `lanes` is 1 for a scalar."""

    text: str
    dtype: str
    lanes: int = 1


class Target(Protocol):
    """What a printer asks of a target."""

    operators: Mapping[str, str]
    functions: Mapping[str, str]

    def name(self, name: str) -> Value:
        """A built-in, loop variable or run-time number."""

    def read(self, base: str, indices: tuple[Expr, ...]) -> Value:
        """An element of an input."""

    def member(self, test: Member) -> Value:
        """Whether a list of a run-time set holds a value."""

    def cast(self, value: Value, dtype: str) -> Value:
        """The value in another dtype."""

    def splat(self, value: Value, lanes: int) -> Value:
        """A scalar repeated over lanes."""

    def special(self, function: str, arguments: tuple[Value, ...]) -> Value:
        """A function with no entry in `functions` (exp, tanh, ...), on float arguments."""

    def draw(self, count: Value, places: tuple[Value, ...]) -> Value:
        """A number below `count` that the seed and the places, ints, decide (`compiler.draws`)."""

    def exists(self, expr: Exists) -> Value:
        """A search over a range of constants."""


def render(expr: Expr, target: Target) -> Value:
    """The text of an expression; the target emits the statements that it needs."""
    match expr:
        case Int() | Float() | Bool():
            return _literal(expr, target)
        case Name(id=name):
            return target.name(name)
        case Index(base=base, indices=indices):
            return target.read(base, indices)
        case Unary(op=op, operand=operand):
            return _apply(op if op == "not" else "neg", [render(operand, target)], target)
        case Binary(op="^", left=left, right=right):
            return _power(render(left, target), right, target)
        case Binary(op=op, left=left, right=right):
            return _apply(op, [render(left, target), render(right, target)], target)
        case Compare():
            return _chain(expr, target)
        case Call():
            return _call(expr, target)
        case Member():
            return target.member(expr)
        case Exists():
            return target.exists(expr)
        case List():
            raise AssertionError("a list is no number")
        case _:
            assert_never(expr)


def _literal(expr: Int | Float | Bool, target: Target) -> Value:
    match expr:
        case Int(value=value):
            return Value(str(value), INT)
        case Float(value=value):
            return target.cast(Value(repr(value), "literal"), FLOAT)
        case Bool(value=value):
            return target.cast(Value(str(value), "literal"), BOOL)


def condition(expr: Expr, target: Target) -> str:
    """The text of a boolean expression."""
    return render(expr, target).text


def _power(base: Value, exponent: Expr, target: Target) -> Value:
    """A power is a float: products where the exponent is a small constant."""
    base = target.cast(base, FLOAT)
    match exponent:
        case Int(value=0):
            return target.cast(Value("1", INT), FLOAT)
        case Int(value=power) if 0 < power <= POWERS:
            return reduce(lambda a, b: _apply("*", [a, b], target), [base] * power)
        case Unary(op="-", operand=Int(value=power)) if power <= POWERS:
            one = target.cast(Value("1", INT), FLOAT)
            return _apply("/", [one, _power(base, Int(power), target)], target)
        case _:
            return _apply("pow", [base, target.cast(render(exponent, target), FLOAT)], target)


def _chain(chain: Compare, target: Target) -> Value:
    values = [render(operand, target) for operand in chain.operands]
    links = [
        _apply(op, [left, right], target)
        for op, left, right in zip(chain.ops, values, values[1:], strict=False)
    ]
    return reduce(lambda a, b: _apply("and", [a, b], target), links)


def _call(call: Call, target: Target) -> Value:
    match call.function, call.arguments:
        case "at", (List(items=items), index):
            return _choose(items, index, target)
        case "clamp", (value, low, high):
            return render(Call("min", (Call("max", (value, low)), high)), target)
        case "softcap", (value, cap):
            return render(Binary("*", cap, Call("tanh", (Binary("/", value, cap),))), target)
        case "draw", (count, *places):
            return target.draw(
                render(count, target), tuple(render(place, target) for place in places)
            )
        case "chance", (p, *places):
            share = Binary("*", p, Int(CHANCES))
            return _chain(Compare(("<",), (Call("draw", (Int(CHANCES), *places)), share)), target)
        case "where", (test, then, otherwise):
            return _where([render(a, target) for a in (test, then, otherwise)], target)
        case name, arguments if name in target.functions:
            return _apply(name, [render(a, target) for a in arguments], target)
        case name, arguments:
            values = [target.cast(render(a, target), FLOAT) for a in arguments]
            return target.special(name, tuple(values))


def _choose(items: tuple[Expr, ...], index: Expr, target: Target) -> Value:
    """`[a, b, c][index]` as a chain of selections."""
    *first, last = items
    chain = last
    for place in reversed(range(len(first))):
        chain = Call("where", (Compare(("==",), (index, Int(place))), first[place], chain))
    return render(chain, target)


def _where(values: list[Value], target: Target) -> Value:
    test, then, otherwise = _same_lanes(values, target)
    then, otherwise = _same_dtype([then, otherwise], target)
    text = target.operators["where"].format(test.text, then.text, otherwise.text)
    return Value(text, then.dtype, then.lanes)


def _apply(op: str, values: list[Value], target: Target) -> Value:
    """An operator on values brought to common lanes and dtype."""
    table = target.functions if op in target.functions else target.operators
    if op in REAL:
        values = [target.cast(value, FLOAT) for value in values]
    values = _same_dtype(_same_lanes(values, target), target)
    text = reduce(lambda a, b: table[op].format(a, b), [v.text for v in values[1:]], values[0].text)
    if len(values) == 1:
        text = table[op].format(values[0].text)
    comparison = op in ("<", "<=", ">", ">=", "==", "!=")
    return Value(text, BOOL if comparison else values[0].dtype, values[0].lanes)


def _same_lanes(values: list[Value], target: Target) -> list[Value]:
    lanes = max(value.lanes for value in values)
    return [v if v.lanes == lanes else target.splat(v, lanes) for v in values]


def _same_dtype(values: list[Value], target: Target) -> list[Value]:
    if FLOAT in {value.dtype for value in values}:
        return [target.cast(value, FLOAT) for value in values]
    return values
