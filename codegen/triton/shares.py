"""Shares of the keys of a tile: each program takes as many of its tiles, in the plan's order.

A plan without nested loops is a list of ranges of tiles, of which a share takes a part each;
others have filled a table.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from xdsl.ir import Block

from attnc.codegen.expressions import INT, Value
from attnc.codegen.triton.context import TILES, Context
from attnc.codegen.triton.lines import tidy
from attnc.compiler.dialects import tile


class Call(Protocol):
    """Writes the call of a visit."""

    def emit(self, place: str) -> None:
        """Of the tile with this number."""


@dataclass(frozen=True, slots=True)
class _Range:
    """So many tiles, by a name in the kernel, and the place of tile number `{0}` of them."""

    count: str
    place: str


def emit_shares(context: Context, calls: Mapping[str, Call]) -> None:
    """The loops over this program's share of the tiles, one for each class."""
    out = context.out
    visits = sorted(context.visits, key=lambda v: v.tile_class.data)
    found = {v.tile_class.data: list(_ranges(context, v)) for v in visits}
    found = {name: ranges for name, ranges in found.items() if ranges}
    for name, ranges in found.items():
        out.let(f"{name}_tiles", " + ".join(one.count for one in ranges))
    out.line("# A share has as many tiles as the others, in the order of the plan.")
    total = " + ".join(f"{name}_tiles" for name in found) or "0"
    out.line(f"each = tl.cdiv({total}, splits)")
    out.line("left, right = i_split * each, i_split * each + each")
    for name, ranges in found.items():
        with out.block(f"for i in range(tl.maximum(left, 0), tl.minimum(right, {name}_tiles)):"):
            _emit_place(context, ranges)
            calls[name].emit(TILES[context.visited])
        if name != [*found][-1]:
            out.line(f"left, right = left - {name}_tiles, right - {name}_tiles")


def _emit_place(context: Context, ranges: Sequence[_Range]) -> None:
    """The place of tile `i` of a class: each range in turn."""
    out, place = context.out, TILES[context.visited]
    out.line(f"{place} = {tidy(ranges[0].place.format('i'))}")
    number = "i"
    for before, one in pairwise(ranges):
        inside = out.fresh("i")
        out.line(f"{inside} = {number} - {before.count}")
        out.let(place, f"tl.where({inside} < 0, {place}, {one.place.format(inside)})")
        number = inside


def _ranges(context: Context, visit: tile.VisitOp) -> Iterator[_Range]:
    if not context.tabled(visit):
        yield from _flat(context, visit.plan.block, "")
        return
    out, table = context.out, context.table(visit.tile_class.data)
    count, row = f"n_{table}", f"p_{table}_row"
    out.line(
        f"{count} = tl.load(p_{table}_num_blocks + i_row)",
        f"{row} = p_{table}_indices + tl.cast(i_row, tl.int64) * plan_columns",
    )
    yield _Range(count, f"tl.load({row} + {{0}})")


def _flat(context: Context, block: Block, when: str) -> Iterator[_Range]:
    """The ranges of a plan, under a condition of what is around it."""
    out, text = context.out, _text(context)
    for op in block.ops:
        match op:
            case tile.IfOp():
                test = text(op.condition.data)
                found = out.fresh("when")
                out.let(found, f"({when}) & ({test})" if when else test)
                yield from _flat(context, op.body.block, found)
            case tile.ForOp():
                (push,) = op.body.block.ops
                assert isinstance(push, tile.PushOp)
                low, count, step = out.fresh("low"), out.fresh("tiles"), int(op.step.value.data)
                first = text(op.properties["low"].data)  # type: ignore[attr-defined]
                if first == "0":
                    low = "0"
                else:
                    out.let(low, first)
                high = text(op.properties["high"].data)  # type: ignore[attr-defined]
                total = f"({high}) - {low}" if step == 1 else f"tl.cdiv(({high}) - {low}, {step})"
                out.let(count, _under(when, f"tl.maximum({total}, 0)"))
                number = f"{low} + {{0}}" if step == 1 else f"{low} + {{0}} * {step}"
                names = {op.variable.data: Value(f"({number})".format("INDEX"), INT)}
                yield _Range(
                    count, _text(context.with_names(names))(push.tile.data).replace("INDEX", "{0}")
                )
            case tile.PushOp():
                count = out.fresh("tiles")
                out.let(count, _under(when, "1"))
                yield _Range(count, text(op.tile.data))


def _under(when: str, count: str) -> str:
    return f"tl.where({when}, {count}, 0)" if when else count


def _text(context: Context) -> Callable[[str], str]:
    return lambda expression: tidy(context.text(expression))
