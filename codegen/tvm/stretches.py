"""The worker of a kernel whose queries are gathered by the unit of keys that they chose.

A thread takes a stretch of queries of one head. It sorts them by unit, by counting, and computes
unit by unit: what a tile leaves in `out` and `lse` is where the next tile of the same queries goes
on. A stretch is short enough for its outputs to stay in the cache.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attnc.codegen.expressions import LOG2_E
from attnc.codegen.tvm.axes import QUERIES
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.gathered import ROW
from attnc.codegen.tvm.rows import QUERY_HEAD, emit_base
from attnc.codegen.tvm.signature import emit_row
from attnc.codegen.tvm.softmax import LEAST
from attnc.codegen.tvm.stored import elements, widened
from attnc.codegen.tvm.transpose import emit_columns_from_rows
from attnc.codegen.tvm.units import each_unit


def emit_gathered_worker(context: Context, emit_tile: Callable[[Context], None]) -> None:
    """One thread: tiles of `stretch` queries of a head, as they come."""
    out = context.out
    out.line(
        "head_count: T.int32 = T.Cast('int32', heads)",
        "group: T.int32 = T.Cast('int32', heads // kv_heads)",
        "firsts_at: T.int64 = lists_at + 2 * T.Cast('int64', key_tiles)",
        "members_at: T.int64 = firsts_at + T.Cast('int64', units) + 1",
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
            with out.block("for u in range(units):"):
                out.line(
                    "unit_first: T.int32 = lists[firsts_at + u]",
                    "member_end: T.int32 = lists[firsts_at + u + 1]",
                    f"tiles_here: T.int32 = (member_end - unit_first + {context.rows - 1})"
                    f" // {context.rows}",
                )
                with out.block("for tile_here in range(tiles_here):"):
                    out.line(
                        f"member_first: T.int32 = unit_first + tile_here * {context.rows}",
                    )
                    emit_tile(context)


def _emit_sort(context: Context) -> None:
    """The queries from `first` to `end` by the unit that they chose, those of one ascending.

    The members of unit u are those from firsts[u] to firsts[u + 1]. Negative units are none.
    """
    out = context.out
    emit_base(
        context, "chosen", QUERIES, f"({QUERY_HEAD} * T.Cast('int32', chosen_n1) // head_count)"
    )
    choice = "chosen_t[chosen_base + T.Cast('int64', row) * chosen_s2 + j]"

    @contextmanager
    def each_choice() -> Iterator[None]:
        with out.block("for r in range(end - first):"):
            out.line("row: T.int32 = first + r")
            with out.block("for j in range(T.Cast('int32', chosen_n3)):"):
                out.line(f"u: T.int32 = {choice}")
                with out.block("if T.And(0 <= u, u < units):"):
                    yield

    with out.block("for u in range(units + 1):"):
        out.line("lists[firsts_at + u] = 0")
    with each_choice():
        out.line("lists[firsts_at + u + 1] = lists[firsts_at + u + 1] + 1")
    with out.block("for u in range(units):"):
        out.line("lists[firsts_at + u + 1] = lists[firsts_at + u + 1] + lists[firsts_at + u]")
    with each_choice():
        place = "T.Cast('int64', lists[firsts_at + u])"
        out.line(
            f"lists[members_at + {place}] = row", "lists[firsts_at + u] = lists[firsts_at + u] + 1"
        )
    out.line("# every first has become the next one")
    with out.block("for turn in range(units):"):
        out.line("u: T.int32 = units - turn", "lists[firsts_at + u] = lists[firsts_at + u - 1]")
    out.line("lists[firsts_at] = 0")


def emit_state(context: Context) -> None:
    """The state that the rows were left in: outputs, and log-sum-exp as maximum of a sum of 1."""
    out, real = context.out, context.real
    unit = 1.0 if context.scored else LOG2_E

    def row(r: str, column: str, lanes: int) -> str:
        place = f"{context.row_offset('out', r, held=True)} + {column}"
        return widened(context, elements("out_t", place, lanes), lanes)

    out.line(f"# output [v {context.value_dim}, q {context.rows}] = out^T")
    emit_columns_from_rows(context, "output", context.value_dim, row)
    emit_base(context, "lse", QUERIES, QUERY_HEAD)
    with out.block(f"for r in range({context.rows}):"):
        place = f"lse_base + T.Cast('int64', copies[{ROW}_at + r]) * lse_s2"
        out.line(
            f"before: T.let = lse_t[{place}]",
            f"seen: T.let = before != T.{real.name}('-inf')",
            f"f[maximum_at + r] = T.Select(seen, before * {real.constant(unit)},"
            f" {real.constant(LEAST)})",
            f"f[total_at + r] = T.Select(seen, {real.constant(1.0)}, {real.constant(0.0)})",
        )
