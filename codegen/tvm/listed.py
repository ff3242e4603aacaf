"""Tests of run-time sets: which rows of the owned tile list what a visited row stands for.

Where a visited row of a pair has its mark, the word for a vector of owned rows has a bit for each
row that lists it (see `marks`, which puts the bits there).
"""

from dataclasses import dataclass

from attnc.codegen.expressions import BOOL, INT, Value, render
from attnc.codegen.tvm.axes import KEYS
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.target import TvmTarget
from attnc.compiler.listed import chooser
from attnc.dsl.syntax import Binary, Int, Member, Name


@dataclass(frozen=True, slots=True)
class Lists:
    """A set of a kernel: its axes and its one test."""

    name: str
    axes: tuple[str, ...]
    test: Member

    @property
    def size(self) -> int:
        """Queries that share a list; 0 where all do, and the value depends on both sides."""
        return chooser(self.test, self.axes)

    def covers(self, context: Context) -> bool:
        """Whether a visited tile stands for two values at most, those of its first and last row."""
        if context.owned is KEYS:
            return self.size >= context.machine.keys
        match self.test.value:
            case Binary("div", Name("k"), Int(size)):
                return size >= context.machine.keys
            case _:
                return False


def lists_of(context: Context) -> list[Lists]:
    """The sets of a kernel, in the order of the spec."""
    axes = {name: attr.axis_names for name, attr in context.sets.items()}
    return [Lists(name, axes[name], test) for name, test in context.set_tests.items()]


def chooser_of(one: Lists, position: str) -> str:
    """The number of a query's list, counted from that of the first query."""
    if one.size == 1:
        return f"({position} - q_start)"
    return f"(T.floordiv({position}, {one.size}) - T.floordiv(q_start, {one.size}))"


def word_of(context: Context, one: Lists, mark: str, vector: str) -> str:
    """The bits of a vector of rows at a mark."""
    place = f"T.Cast('int64', ({mark}) * {context.placement.vectors} + {vector})"
    return f"lists[marks_{one.name}_at + {place}]"


def membership(context: Context, target: TvmTarget, test: Member, offset: str, lanes: int) -> Value:
    """Whether pairs are in a set, for each lane."""
    (one,) = (one for one in lists_of(context) if one.name == test.base)
    placement, out = context.placement, context.out
    if context.owned is KEYS and one.size:
        mark = Value(chooser_of(one, context.visited.word), INT)
    else:
        mark = render(test.value, target)
    vector = f"({offset}) // {lanes}" if placement.vectors > 1 else "0"
    name = out.bind("mark", mark.text)
    if mark.lanes == 1:
        inside = f"T.And(0 <= {name}, {name} < width_{one.name})"
        word = out.bind(
            "word", f"T.if_then_else({inside}, {word_of(context, one, name, vector)}, 0)"
        )
        words = f"T.broadcast({word}, {lanes})"
    else:
        words = _gathered(context, one, name, vector, lanes)
    row = placement.row(offset) if placement.few else f"T.ramp(0, 1, {lanes})"
    one_each, none = (f"T.broadcast(T.int32({x}), {lanes})" for x in (1, 0))
    bit = f"T.bitwise_and(T.shift_right({words}, {row}), {one_each})"
    return Value(f"({bit} != {none})", BOOL, lanes)


def _gathered(context: Context, one: Lists, marks: str, vector: str, lanes: int) -> str:
    """The words of a vector of marks; those out of range have no bit."""
    out = context.out

    def same(text: str) -> str:
        return f"T.broadcast({text}, {lanes})"

    zero, last = same("T.int32(0)"), same(f"(width_{one.name} - 1)")
    held = out.bind("held", f"T.max({zero}, T.min({marks}, {last}))")
    places = (
        f"{held} * {same(f'T.int32({context.placement.vectors})')} + {same(f'T.int32({vector})')}"
    )
    at = f"T.Cast('int64x{lanes}', {places}) + {same(f'marks_{one.name}_at')}"
    words = out.bind("words", f"lists[{at}]")
    return f"T.Select(T.And({marks} >= {zero}, {marks} <= {last}), {words}, {zero})"
