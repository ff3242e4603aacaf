"""The worker of a kernel that gathers the queries of each unit of keys that they chose.

A thread takes a stretch of queries of one head. It sorts them by unit, by counting, and computes
unit by unit. The state of the stretch (outputs times their sums, maxima, sums) is in the thread's
scratch meanwhile, short enough to stay in the cache: it begins as what `out` and `lse` hold.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attnc.codegen.tvm.axes import QUERIES
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.micro import LOCAL
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
        "ends_at: T.int64 = lists_at + 2 * T.Cast('int64', query_tiles)",
        "members_at: T.int64 = ends_at + T.Cast('int64', units)",
        f"reached = T.alloc_buffer((1,), 'int32', {LOCAL})",
    )
    with each_unit(out, "T.Cast('int32', rows_n) * head_count * tiles"):
        out.line(
            "first: T.int32 = (unit % tiles) * stretch",
            "h: T.int32 = (unit // tiles) % head_count",
            "s: T.int32 = unit // (tiles * head_count)",
        )
        emit_row(context)
        out.line("end: T.int32 = T.min(first + stretch, q_len)")
        with out.block("if first < end:"):
            _emit_sort(context)
            emit_start(context)
            with out.block("for u in range(units):"):
                _emit_unit(context, emit_tile)
            emit_end(context)


def _emit_unit(context: Context, emit_tile: Callable[[Context], None]) -> None:
    """The keys of unit `u`, a tile at a time, for all queries of the stretch that chose it."""
    out, owned, size = context.out, context.owned, context.gathered
    out.line(
        "unit_first: T.int32 = reached[0]",
        "members: T.int32 = lists[ends_at + u] - unit_first",
        f"reached[0] = unit_first + {_whole_tiles(context, 'members')}",
        f"unit_end: T.int32 = u * {size} + {size}",
    )
    with out.block("if members > 0:"), out.block(f"for part in range({-(-size // context.rows)}):"):
        out.line(
            f"{owned.first}: T.int32 = u * {size} + part * {context.rows}",
            f"{owned.position}: T.int32 = {owned.start} + {owned.first}",
        )
        with out.block(f"if {owned.first} < {owned.length}:"):
            emit_tile(context)


def _emit_sort(context: Context) -> None:
    """The queries from `first` to `end` by the unit that they chose, those of one ascending.

    Members of a unit begin with a tile, and those of unit u end before ends[u]. Negative units are
    none.
    """
    out = context.out
    emit_base(
        context, "chosen", QUERIES, f"({QUERY_HEAD} * T.Cast('int32', chosen_n1) // head_count)"
    )
    with out.block("for u in range(units):"):
        out.line("lists[ends_at + u] = 0")
    with _each_choice(context):
        out.line("lists[ends_at + u] = lists[ends_at + u] + 1")
    out.line("reached[0] = 0")
    with out.block("for u in range(units):"):
        out.line("members: T.int32 = lists[ends_at + u]", "lists[ends_at + u] = reached[0]")
        out.line(f"reached[0] = reached[0] + {_whole_tiles(context, 'members')}")
    with out.block("for i in range(reached[0]):"):
        out.line("lists[members_at + i] = q_len")
    with _each_choice(context):
        out.line(
            "lists[members_at + T.Cast('int64', lists[ends_at + u])] = row",
            "lists[ends_at + u] = lists[ends_at + u] + 1",
        )
    out.line("reached[0] = 0")


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


def _whole_tiles(context: Context, members: str) -> str:
    """The places of as many members."""
    keys = context.machine.keys
    return f"({members} + {keys - 1}) // {keys} * {keys}"
