"""How far the indices of table axes can reach, whatever the positions are."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnc.compiler import fold
from attnc.compiler.inline import mask_condition, score_expression
from attnc.dsl.syntax import Binary, Call, Expr, Index, Int, Name, Unary

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


def reach(expr: Expr) -> Reach:
    """The range of an integer expression, by interval arithmetic."""
    match expr:
        case Int(value=value):
            return Reach(value, value)
        case Name(id="h"):
            return Reach(0, math.inf)
        case Unary(op="-", operand=operand):
            inner = reach(operand)
            return Reach(-inner.high, -inner.low)
        case Binary(op=op, left=left, right=right):
            return _binary(op, reach(left), reach(right))
        case Call(function=name, arguments=arguments):
            return _call(name, [reach(argument) for argument in arguments])
        case _:
            return ANYWHERE


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
        case "*" if b.low == b.high:
            return _scaled(a, b.low)
        case "*" if a.low == a.high:
            return _scaled(b, a.low)
        case _:
            return ANYWHERE


def _scaled(a: Reach, factor: float) -> Reach:
    if factor == 0:
        return Reach(0, 0)
    ends = sorted((a.low * factor, a.high * factor))
    return Reach(ends[0], ends[1])


def _call(name: str, a: list[Reach]) -> Reach:
    match name, a:
        case "clamp", [value, low, high]:
            return _call("min", [_call("max", [value, low]), high])
        case "min", _:
            return Reach(min(x.low for x in a), min(x.high for x in a))
        case "max", _:
            return Reach(max(x.low for x in a), max(x.high for x in a))
        case "abs", [x]:
            low = 0.0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))
            return Reach(low, max(abs(x.low), abs(x.high)))
        case "at", [items, _]:
            return items
        case _:
            return ANYWHERE
