"""Ranges of integer expressions, by interval arithmetic.

They tell how far a table index reaches, which comparisons no position can decide otherwise, and up
to which length 32-bit arithmetic is exact.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnc.compiler import fold
from attnc.compiler.inline import mask_condition, score_expression
from attnc.dsl.syntax import Binary, Bool, Call, Compare, Expr, Float, Index, Int, List, Name, Unary

if TYPE_CHECKING:
    from attnc.dsl.program import Bound


@dataclass(frozen=True, slots=True)
class Reach:
    """The least and the greatest value, infinite where nothing bounds it."""

    low: float
    high: float

    def __or__(self, other: "Reach") -> "Reach":
        return Reach(min(self.low, other.low), max(self.high, other.high))


ANYWHERE = Reach(-math.inf, math.inf)


def table_reach(bound: "Bound", heads: int | None, kv_heads: int | None) -> dict[str, Reach]:
    """The reach of the index of axis `d`, for each input that has one."""
    tables = {n: i.axes.index("d") for n, i in bound.inputs.items() if "d" in i.axes}
    if not tables:
        return {}
    found: dict[str, Reach] = {}
    score = score_expression(bound, heads, kv_heads)
    for expr in (mask_condition(bound, heads, kv_heads), *((score,) if score else ())):
        for node in fold.walk(expr):
            if isinstance(node, Index) and node.base in tables:
                here = reach(node.indices[tables[node.base]])
                found[node.base] = found.get(node.base, here) | here
    return found


def reach(expr: Expr, length: float = math.inf, floats: frozenset[str] = frozenset()) -> Reach:
    """The range of an expression when positions, lengths and run-time ints stay within `length`.

    Nothing bounds the names in `floats`.
    """
    match expr:
        case Int(value=value):
            return Reach(value, value)
        case Name(id=name) if name in floats:
            return ANYWHERE
        case Name(id="h" | "b" | "len" | "qlen" | "q_len" | "k_len"):
            return Reach(0, length)
        case Name(id="t" | "c"):  # tiles have at least 4 rows
            return Reach(0, length / 4)
        case Name():
            return Reach(-length, length)
        case Unary(op="-", operand=operand):
            inner = reach(operand, length, floats)
            return Reach(-inner.high, -inner.low)
        case Binary(op=op, left=left, right=right):
            return _binary(op, reach(left, length, floats), reach(right, length, floats))
        case Call(function=name, arguments=arguments):
            return _call(name, [reach(argument, length, floats) for argument in arguments])
        case List(items=items):
            parts = [reach(item, length, floats) for item in items]
            return Reach(min(p.low for p in parts), max(p.high for p in parts))
        case _:
            return ANYWHERE


def narrow(condition: Expr, length: float, floats: frozenset[str] = frozenset()) -> Expr:
    """The condition with every comparison folded that no position within `length` can change."""
    match condition:
        case Unary(op="not", operand=operand):
            return fold.negation(narrow(operand, length, floats))
        case Binary(op="and", left=left, right=right):
            return fold.conjunction(narrow(left, length, floats), narrow(right, length, floats))
        case Binary(op="or", left=left, right=right):
            return fold.disjunction(narrow(left, length, floats), narrow(right, length, floats))
        case Compare(ops=ops, operands=operands):
            links = zip(ops, operands, operands[1:], strict=False)
            ends = ((op, reach(a, length, floats), reach(b, length, floats)) for op, a, b in links)
            verdicts = [_decided(op, a, b) for op, a, b in ends]
            if False in verdicts:
                return Bool(False)
            return Bool(True) if all(verdicts) else condition
        case _:
            return condition


def _decided(op: str, a: Reach, b: Reach) -> bool | None:
    """Whether `a op b` holds for all values in the ranges, for none, or (None) for some."""
    always = {
        "<": a.high < b.low,
        "<=": a.high <= b.low,
        ">": a.low > b.high,
        ">=": a.low >= b.high,
    }
    never = {"<": a.low >= b.high, "<=": a.low > b.high, ">": a.high <= b.low, ">=": a.high < b.low}
    apart = a.high < b.low or b.high < a.low
    if op in ("==", "!="):
        return (op == "!=") if apart else None
    return True if always[op] else (False if never[op] else None)


INT32_BITS = 31
LONGEST = 2**30 - 1  # the greatest position that a kernel accepts


def exact_length(expressions: Iterable[Expr], floats: frozenset[str] = frozenset()) -> int:
    """The greatest 2^i - 1 up to which no 32-bit integer of the expressions overflows.

    `floats` are the names and inputs that are no integers.
    """
    nodes = [node for expr in expressions for node in fold.walk(expr) if not _real(node, floats)]
    length = LONGEST
    while length and not all(_fits(node, length) for node in nodes):
        length >>= 1
    return length


def _real(node: Expr, floats: frozenset[str]) -> bool:
    """Whether an expression is computed in floating point."""
    match node:
        case Float() | Binary(op="/" | "^"):
            return True
        case Name(id=name) | Index(base=name):
            return name in floats
        case Unary(op="-", operand=operand):
            return _real(operand, floats)
        case Binary(op="+" | "-" | "*" | "div" | "mod", left=left, right=right):
            return _real(left, floats) or _real(right, floats)
        case Call(function="where" | "clamp" | "min" | "max" | "abs", arguments=arguments):
            values = arguments[1:] if node.function == "where" else arguments
            return any(_real(value, floats) for value in values)
        case Call(function="at", arguments=(List(items=items), _)):
            return any(_real(item, floats) for item in items)
        case Call(function=function):
            return function != "draw"
        case _:
            return False


def _fits(node: Expr, length: float) -> bool:
    match node:
        case Int() | Unary(op="-") | Binary(op="+" | "-" | "*" | "div" | "mod") | Call():
            found = reach(node, length)
        case _:
            return True
    known = math.isfinite(found.low) and math.isfinite(found.high)
    return not known or (found.low >= -(2**INT32_BITS) and found.high < 2**INT32_BITS)


def _binary(op: str, a: Reach, b: Reach) -> Reach:
    match op:
        case "+":
            return Reach(a.low + b.low, a.high + b.high)
        case "-":
            return Reach(a.low - b.high, a.high - b.low)
        case "mod" if b.low == b.high and b.low > 0:
            return Reach(0, b.low - 1)
        case "div" if b.low == b.high and b.low > 0:
            return Reach(*(x // b.low if math.isfinite(x) else x for x in (a.low, a.high)))
        case "*":
            products = [_times(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
            return Reach(min(products), max(products))
        case _:
            return ANYWHERE


def _times(x: float, y: float) -> float:
    """The product of two ends, in which zero times infinity is zero."""
    return x * y if x and y else 0


def _call(name: str, a: list[Reach]) -> Reach:
    match name, a:
        case "clamp", [value, low, high]:
            return _call("min", [_call("max", [value, low]), high])
        case "min", _:
            return Reach(min(x.low for x in a), min(x.high for x in a))
        case "max", _:
            return Reach(max(x.low for x in a), max(x.high for x in a))
        case "abs", [x]:
            least = 0.0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))
            return Reach(least, max(abs(x.low), abs(x.high)))
        case "at", [items, _]:
            return items
        case "draw", [count, *_]:
            return Reach(0, max(count.high - 1, 0))
        case "where", [_, then, otherwise]:
            return then | otherwise
        case _:
            return ANYWHERE
