"""The greatest scores of each query, and the keys that they belong to.

Each lane keeps the `count` best of its query in order. A key goes down the list and changes places
with what is worse; equal scores put the lower key first, so that the result depends on no order.
Keys are kept as numbers of the arithmetic, which hold them exactly up to 2^24.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from attnc.codegen.tvm.axes import QUERIES
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.pooled import emit_candidates, emit_shares, own_head
from attnc.codegen.tvm.rows import emit_base
from attnc.codegen.tvm.softmax import LEAST, MASKED
from attnc.compiler.dialects.units import UnitsAttr

NONE = -1  # where a query has fewer keys than there is room


def choice_parts(context: Context) -> dict[str, int]:
    """The float scratch of a thread: the query, the scores of a chunk, and the lists."""
    rows, m = context.rows, context.machine
    sizes = {"query": context.head_dim * rows, "scores": m.chunk * m.keys * rows}
    return sizes | dict.fromkeys(("best", "picks"), context.count * rows)


def emit_no_choice(context: Context) -> None:
    """Empty lists: scores that any score exceeds."""
    out, lanes = context.out, context.machine.lanes
    for part, empty in (("best", LEAST), ("picks", NONE)):
        with out.block(f"for i in range({context.float_parts[part] // lanes}):"):
            constant = context.real.constant(float(empty), lanes)
            out.line(f"{context.part(part, f'i * {lanes}')} = {constant}")


def emit_keep(context: Context) -> None:
    """Take the scores of a chunk into the lists, or into the units that are kept in the end."""
    if context.units is not None:
        emit_shares(context, context.units)
        return
    out, m, rows = context.out, context.machine, context.rows
    with _lists(context) as enter, out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.geometry.first(context, 'list_at + g')}")
        with out.block(f"for j in range({m.keys}):"):
            score = context.part("scores", f"(g * {m.keys} + j) * {rows} + v * {m.lanes}")
            enter(score, context.geometry.row("row_first", "j"))


def _emit_units(context: Context, units: UnitsAttr) -> None:
    """Take the units into the lists."""
    none = context.real.constant(MASKED, context.machine.lanes)
    with _lists(context) as enter, emit_candidates(context, units, none) as (score, unit):
        enter(score, unit)


@contextmanager
def _lists(context: Context) -> Iterator[Callable[[str, str], None]]:
    """A loop over the vectors `v` of queries with their lists at hand.

    What it yields emits that a score and its key go down the lists.
    """
    out, m, count, rows = context.out, context.machine, context.count, context.rows
    kind = f"'{m.real.vector(m.lanes)}'"
    parts = ("best", "picks")

    def enter(score: str, key: str) -> None:
        number = f"T.broadcast(T.Cast('{m.real.name}', {key}), {m.lanes})"
        for name, value in (("x", score), ("key", number)):
            out.line(f"{name} = T.alloc_buffer((1,), {kind}, {LOCAL})", f"{name}[0] = {value}")
        with out.block(f"for i in T.unroll({count}):"):
            _emit_exchange(context)

    with out.block(f"for v in T.unroll({m.vectors}):"):
        out.line(*(f"{part} = T.alloc_buffer(({count},), {kind}, {LOCAL})" for part in parts))
        place = partial(context.part, offset=f"i * {rows} + v * {m.lanes}")
        with out.block(f"for i in T.unroll({count}):"):
            out.line(*(f"{part}[i] = {place(part)}" for part in parts))
        yield enter
        with out.block(f"for i in T.unroll({count}):"):
            out.line(*(f"{place(part)} = {part}[i]" for part in parts))


def _emit_exchange(context: Context) -> None:
    """The better of what comes and of what stands at place i stays, the other goes on."""
    better = "T.Or(x[0] > best[i], T.And(x[0] == best[i], key[0] < picks[i]))"
    pairs = (("best[i]", "x[0]"), ("picks[i]", "key[0]"))
    names: list[str] = []
    for kept, coming in pairs:
        names.append(context.out.bind("w", f"T.Select({better}, {coming}, {kept})"))
        names.append(context.out.bind("w", f"T.Select({better}, {kept}, {coming})"))
    places = (place for pair in pairs for place in pair)
    context.out.line(*(f"{place} = {name}" for place, name in zip(places, names, strict=True)))


def emit_choice(context: Context) -> None:
    """Store the lists of the rows that exist; scores of no key are minus infinity."""
    out, rows, real = context.out, context.rows, context.real
    if context.units is not None:
        _emit_units(context, context.units)
    for name in ("best", "picks"):
        emit_base(context, name, QUERIES, own_head(context))
    with context.geometry.existing(context):
        row = f"T.Cast('int64', {context.geometry.owned_row(context, 'r')})"
        with out.block(f"for i in range({context.count}):"):
            out.line(
                f"pick: T.int32 = T.Cast('int32', f[picks_at + i * {rows} + r])",
                f"score: T.let = f[best_at + i * {rows} + r]",
                f"best_t[best_base + {row} * best_s2 + i] = "
                f"T.if_then_else(pick < 0, T.{real.name}('-inf'), score)",
                f"picks_t[picks_base + {row} * picks_s2 + i] = pick",
            )
