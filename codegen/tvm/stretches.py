"""The worker of a kernel that gathers the queries of each unit of keys that they chose.

A thread takes a stretch of queries of one head. It sorts them by unit, by counting, and computes
unit by unit. The state of the stretch (outputs times their sums, maxima, sums) is in the thread's
scratch meanwhile, short enough to stay in the cache: it begins as what `out` and `lse` hold.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attnc.codegen.tvm.axes import QUERIES
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.rows import QUERY_HEAD, emit_base
from attnc.codegen.tvm.running import emit_end, emit_start
from attnc.codegen.tvm.signature import emit_row
from attnc.codegen.tvm.units import each_unit


def emit_gathered_worker(context: Context, emit_tile: Callable[[Context], None]) -> None:
    """One thread: stretches of `stretch` queries of a head, as they come."""
    out = context.out
    out.line(
        "head_count: T.int32 = T.Cast('int32', heads)",
        "group: T.int32 = T.Cast('int32', heads // kv_heads)",
    )
    emit_room(context, "0")
    with each_unit(out, "T.Cast('int32', rows_n) * head_count * tiles"):
        out.line(
            "first: T.int32 = (unit % tiles) * stretch",
            "h: T.int32 = (unit // tiles) % head_count",
            "s: T.int32 = unit // (tiles * head_count)",
        )
        emit_row(context)
        out.line("end: T.int32 = T.min(first + stretch, q_len)")
        with out.block("if first < end:"):
            emit_sort(context)
            emit_start(context)
            with out.block("for unit_here in range(units):"):
                _emit_unit(context, emit_tile)
            emit_end(context)


def _emit_unit(context: Context, emit_tile: Callable[[Context], None]) -> None:
    """The keys of unit `unit_here`, a tile at a time, for the queries that chose it."""
    out, parts = context.out, -(-context.gathered // context.rows)
    emit_members(context, "unit_here")
    with out.block("if members > 0:"), out.block(f"for part in range({parts}):"):
        out.line(f"{context.owned.tile}: T.int32 = unit_here * {parts} + part")
        context.geometry.emit_tile(context)
        with out.block(f"if {context.geometry.exists(context)}:"):
            emit_tile(context)


def emit_members(context: Context, unit: str) -> None:
    """The queries that chose a unit."""
    context.out.line(
        f"unit_first: T.int32 = lists[starts_at + {unit}]",
        f"members: T.int32 = lists[ends_at + {unit}] - unit_first",
    )


def emit_room(context: Context, before: str) -> None:
    """Where the sorted queries of one head lie, with so much before them."""
    context.out.line(
        f"starts_at: T.int64 = lists_at + 2 * T.Cast('int64', query_tiles) + {before}",
        "ends_at: T.int64 = starts_at + T.Cast('int64', units)",
        "members_at: T.int64 = ends_at + T.Cast('int64', units)",
    )


def emit_sort(context: Context) -> None:
    """The queries from `first` to `end` by the unit that they chose, those of one ascending.

    The members of unit u are those from starts[u] to ends[u], and behind them the last tile is
    filled up with a row past the last query. Negative units are none.
    """
    out, keys = context.out, context.machine.keys
    emit_base(
        context, "chosen", QUERIES, f"({QUERY_HEAD} * T.Cast('int32', chosen_n1) // head_count)"
    )
    with out.block("for u in range(units):"):
        out.line("lists[ends_at + u] = 0")
    with _each_choice(context):
        out.line("lists[ends_at + u] = lists[ends_at + u] + 1")
    out.line(f"reached = T.alloc_buffer((1,), 'int32', {LOCAL})", "reached[0] = 0")
    with out.block("for u in range(units):"):
        out.line(
            f"room: T.int32 = (lists[ends_at + u] + {keys - 1}) // {keys} * {keys}",
            "lists[starts_at + u] = reached[0]",
            "lists[ends_at + u] = reached[0]",
            "reached[0] = reached[0] + room",
        )
    with out.block("for i in range(reached[0]):"):
        out.line("lists[members_at + i] = q_len")
    with _each_choice(context):
        out.line(
            "lists[members_at + T.Cast('int64', lists[ends_at + u])] = row",
            "lists[ends_at + u] = lists[ends_at + u] + 1",
        )


@contextmanager
def _each_choice(context: Context) -> Iterator[None]:
    """A loop over the queries of the stretch, `row`, and the units `u` that each chose."""
    out = context.out
    with out.block("for r in range(end - first):"):
        out.line(
            "row: T.int32 = first + r",
            "choices_at: T.int64 = chosen_base + T.Cast('int64', row) * chosen_s2",
        )
        with out.block("for j in range(T.Cast('int32', chosen_n3)):"):
            out.line("u: T.int32 = chosen_t[choices_at + j]")
            with out.block("if T.And(0 <= u, u < units):"):
                yield
