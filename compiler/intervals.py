"""What can be said of a condition on a whole tile from the bounds of what it reads.

For tests that depend on run-time tensors (`doc[q] == doc[k]`) the compiler cannot know the tiles.
It derives two scalar expressions from the condition instead: `possible` (some pair of the tile may
satisfy it) and `certain` (every pair does), by interval arithmetic over the names `q_low q_high
k_low k_high` and, for each input read at a query or a key, `<input>_q_low`, `<input>_k_high` and
so on; `<set>.some` and `<set>.all` say whether some, or all pairs of the tile are in the lists of a
run-time set. Both are sound; a kernel evaluates them once per candidate tile.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from attnc.compiler import fold
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

UNBOUNDED = None
Comparison = Literal["<", "<=", ">", ">=", "==", "!="]


@dataclass(frozen=True, slots=True)
class Interval:
    """The inclusive bounds of a number over a tile."""

    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether some pair of the tile may satisfy a condition, and whether all of them do."""

    possible: Expr
    certain: Expr


MAYBE = Verdict(Bool(True), Bool(False))


def bound(condition: Expr) -> Verdict:
    """The verdict on a closed condition over one tile."""
    match condition:
        case Bool():
            return Verdict(condition, condition)
        case Unary(op="not", operand=operand):
            inner = bound(operand)
            return Verdict(_not(inner.certain), _not(inner.possible))
        case Binary(op="and" | "or" as op, left=left, right=right):
            a, b = bound(left), bound(right)
            return Verdict(_join(op, a.possible, b.possible), _join(op, a.certain, b.certain))
        case Compare(ops=ops, operands=operands):
            pairs = zip(ops, operands, operands[1:], strict=False)
            verdicts = [_compare(op, left, right) for op, left, right in pairs]
            return reduce(_both, verdicts)
        case Member(base=base):
            return Verdict(Name(f"{base}.some"), Name(f"{base}.all"))
        case _:
            return MAYBE


def _both(a: Verdict, b: Verdict) -> Verdict:
    return Verdict(_join("and", a.possible, b.possible), _join("and", a.certain, b.certain))


def _join(op: str, a: Expr, b: Expr) -> Expr:
    """`a and b` or `a or b`, with constants folded."""
    absorbing = Bool(op == "or")
    if absorbing in (a, b):
        return absorbing
    neutral = Bool(op == "and")
    if a == neutral:
        return b
    if b == neutral:
        return a
    return Binary("and" if op == "and" else "or", a, b)


def _not(a: Expr) -> Expr:
    return Bool(not a.value) if isinstance(a, Bool) else Unary("not", a)


def _compare(op: Comparison, left: Expr, right: Expr) -> Verdict:
    """`left op right` by comparing ends of the two intervals."""
    place = next(filter(_steps, _places(left, right)), None)
    if place is not None:
        return _each(place, op, left, right)
    a, b = interval(left), interval(right)
    if a is None or b is None:
        return MAYBE
    if a.low == a.high and b.low == b.high:
        return Verdict(*(_link(op, a.low, b.low),) * 2)
    match op:
        case "<" | "<=":
            return Verdict(_link(op, a.low, b.high), _link(op, a.high, b.low))
        case ">" | ">=":
            return Verdict(_link(op, a.high, b.low), _link(op, a.low, b.high))
        case "==":
            return Verdict(
                _both_compare("<=", a.low, b.high, b.low, a.high),
                _both_compare("==", a.low, b.high, a.high, b.low),
            )
        case _:
            equal = _compare("==", left, right)
            return Verdict(_not(equal.certain), _not(equal.possible))


def _places(*sides: Expr) -> Iterator[Expr]:
    """What numbers are drawn for."""
    for node in (node for side in sides for node in fold.walk(side)):
        match node:
            case Call(function="draw", arguments=(_, *places)):
                yield from places


def _steps(place: Expr) -> bool:
    """Whether it counts blocks, so that a tile may hold one or two of them."""
    return {n for n in fold.names(place) if n.partition(".")[0] in ("q", "k")} != set() and any(
        isinstance(node, Binary) and node.op == "div" for node in fold.walk(place)
    )


def _each(place: Expr, op: Comparison, left: Expr, right: Expr) -> Verdict:
    """A comparison of numbers drawn for a place that has at most two values in the tile."""
    ends = interval(place)
    if ends is None:
        return MAYBE
    first, last = (
        _compare(op, *(_drawn_for(place, end, side) for side in (left, right)))
        for end in (ends.low, ends.high)
    )
    few = fold.compare(("<=",), (fold.binary("-", ends.high, ends.low), Int(1)))
    possible = _join("or", first.possible, last.possible)
    certain = _join("and", first.certain, last.certain)
    return Verdict(_join("or", _not(few), possible), _join("and", few, certain))


def _drawn_for(place: Expr, value: Expr, side: Expr) -> Expr:
    """An expression with a place of its draws replaced."""
    match side:
        case Call(function="draw", arguments=arguments):
            return Call("draw", tuple(value if a == place else a for a in arguments))
        case _:
            return fold.rebuilt(side, lambda part: _drawn_for(place, value, part))


def _both_compare(op: Comparison, a: Expr, b: Expr, c: Expr, d: Expr) -> Expr:
    """`a op b and c op d`."""
    return _join("and", _link(op, a, b), _link(op, c, d))


def _link(op: Comparison, a: Expr, b: Expr) -> Expr:
    return fold.compare((op,), (a, b))


def interval(value: Expr) -> Interval | None:
    """The bounds of a number over a tile, or None where nothing is known."""
    match value:
        case Int() | Float():
            return Interval(value, value)
        case Name(id=name) if name.partition(".")[0] in ("q", "k"):
            return Interval(Name(f"{name}_low"), Name(f"{name}_high"))
        case Name():
            return Interval(value, value)
        case Index():
            return _input(value)
        case Unary(op="-", operand=operand):
            inner = interval(operand)
            return inner and Interval(Unary("-", inner.high), Unary("-", inner.low))
        case Binary():
            return _binary(value)
        case Call():
            return _call(value)
        case Compare() | Exists() | List() | Bool() | Unary() | Member():
            return UNBOUNDED


def input_bounds(base: str, indices: tuple[Expr, ...]) -> str | None:
    """`q` or `k` where the input is read at one position of that axis (and the head) only."""
    axes = {index.id for index in indices if isinstance(index, Name)} - {"h", "b"}
    plain = all(isinstance(index, Name) for index in indices)
    return axes.pop() if plain and axes in ({"q"}, {"k"}) else None


def _input(value: Index) -> Interval | None:
    """Of an element by head or batch entry: the one number that it is over a tile."""
    if all(index in (Name("h"), Name("b")) for index in value.indices):
        return Interval(value, value)
    base, axis = value.base, input_bounds(value.base, value.indices)
    if axis is None:
        return UNBOUNDED
    return Interval(Name(f"{base}_{axis}_low"), Name(f"{base}_{axis}_high"))


def _binary(value: Binary) -> Interval | None:
    a, b = interval(value.left), interval(value.right)
    if a is None or b is None:
        return UNBOUNDED
    match value.op:
        case "+":
            return Interval(Binary("+", a.low, b.low), Binary("+", a.high, b.high))
        case "-":
            return Interval(Binary("-", a.low, b.high), Binary("-", a.high, b.low))
        case "*" if isinstance(value.left, Int):
            return _scale(value.left, b)
        case "*" if isinstance(value.right, Int):
            return _scale(value.right, a)
        case "div" if isinstance(value.right, Int):
            ends = (Binary("div", a.low, value.right), Binary("div", a.high, value.right))
            return Interval(*(ends if value.right.value > 0 else reversed(ends)))
        case "mod" if isinstance(value.right, Int):
            return Interval(Int(0), Int(value.right.value - 1))
        case _:
            return UNBOUNDED


def _scale(factor: Int, a: Interval) -> Interval:
    ends = (Binary("*", factor, a.low), Binary("*", factor, a.high))
    return Interval(*(ends if factor.value >= 0 else reversed(ends)))


def _call(value: Call) -> Interval | None:
    arguments = [interval(argument) for argument in value.arguments]
    known = [a for a in arguments if a is not None]
    if len(known) < len(arguments):
        return UNBOUNDED
    lows, highs = tuple(a.low for a in known), tuple(a.high for a in known)
    match value.function:
        case "draw":
            return _drawn(known)
        case "min" | "max" | "clamp" as name:
            return Interval(Call(name, lows), Call(name, highs))
        case "abs":
            low, high = lows[0], highs[0]
            least = Call("max", (low, Unary("-", high)))
            return Interval(Call("max", (Int(0), least)), Call("max", (Unary("-", low), high)))
        case _:
            return UNBOUNDED


def _drawn(ends: list[Interval]) -> Interval:
    """One number where the places are the same over the tile, else any."""
    if all(end.low == end.high for end in ends):
        one = Call("draw", tuple(end.low for end in ends))
        return Interval(one, one)
    return Interval(Int(0), fold.call("max", (Int(0), fold.binary("-", ends[0].high, Int(1)))))
