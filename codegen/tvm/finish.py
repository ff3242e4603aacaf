"""The end of a query tile: divide by the sum, store the output rows and their log-sum-exp."""

from collections.abc import Callable
from functools import partial

from attnc.codegen.expressions import FLOAT, LN_2, Value
from attnc.codegen.tvm import columns
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.logarithm import log
from attnc.codegen.tvm.rows import stored_row
from attnc.codegen.tvm.shares import part_offset
from attnc.codegen.tvm.stored import elements, rounded
from attnc.codegen.tvm.transpose import emit_rows_from_columns


def emit_finish(context: Context) -> None:
    """Store the rows that exist; a query that saw no key gives zeros and minus infinity."""
    out, placement = context.out, context.placement
    if placement.few:
        _add_up(context)
    _emit_ends(context)
    if not context.split:
        _emit_outputs(context)
        return
    with out.block("if shares == 1:"):
        _emit_outputs(context)
    with out.block("else:"):
        _emit_parts(context)


def _emit_ends(context: Context) -> None:
    """Of every row, the factor of its numbers into `total`, its log-sum-exp into `maximum`."""
    out, m, real = context.out, context.machine, context.real
    with out.block(f"for v in T.unroll({m.vectors}):"):
        maximum, total = (context.part(part, f"v * {m.lanes}") for part in ("maximum", "total"))
        zero, one = (real.constant(number, m.lanes) for number in (0.0, 1.0))
        unit = "" if context.scored else f" * {real.constant(LN_2, m.lanes)}"
        nothing = f"T.broadcast(T.{real.name}('-inf'), {m.lanes})"
        sums = out.bind("sums", total)
        seen, logarithm = f"{sums} != {zero}", log(out, Value(sums, FLOAT, m.lanes), real).text
        out.line(
            f"{maximum} = T.Select({seen}, {maximum}{unit} + {logarithm}, {nothing})",
            f"{total} = T.Select({seen}, {one} / {sums}, {zero})",
        )


def _add_up(context: Context) -> None:
    """The sums over the keys that lie abreast."""
    out, m, placement = context.out, context.machine, context.placement
    total = context.part("total")
    out.line(
        f"sums = T.alloc_buffer((1,), '{m.real.vector(m.lanes)}', {LOCAL})", f"sums[0] = {total}"
    )
    columns.fold(context, "sums[0]", "({0} + {1})", placement.rows)
    out.line(f"{total} = sums[0]")


def _emit_outputs(context: Context) -> None:
    """The rows to `out` and `lse`."""
    placement = context.placement
    _emit_numbers(context, "out_t", partial(context.row_offset, "out"))
    head = f"(h + {placement.head('r')})" if placement.packed > 1 else "h"
    row = context.geometry.owned_row(context, "r")
    with context.geometry.existing(context):
        context.out.line(
            f"lse_at: T.int64 = T.Cast('int64', {context.entry}) * lse_s0"
            f" + T.Cast('int64', {head}) * lse_s1"
            f" + T.Cast('int64', q_row + {row}) * lse_s2",
            "lse_t[lse_at] = f[maximum_at + r]",
        )


def _emit_parts(context: Context) -> None:
    """The rows to the parts of this share."""
    _emit_numbers(context, "parts", partial(_part, context))
    with context.geometry.existing(context):
        place = f"{_part(context, 'r')} + {context.value_dim}"
        context.out.line(f"parts[{place}] = f[maximum_at + r]")


def _part(context: Context, row: str) -> str:
    """Where a row begins in the parts of this share."""
    placement = context.placement
    head = f"(h + {placement.head(row)})" if placement.packed > 1 else "h"
    cell = (
        f"((T.Cast('int64', s) * heads + {head}) * q_rows"
        f" + q_row + i_first + {placement.query(row)})"
    )
    return part_offset(context, "share", cell)


def _emit_numbers(context: Context, store: str, place: Callable[[str], str]) -> None:
    """The numbers of every row, `place(row)` being where it begins in `store`."""
    out, width = context.out, context.value_dim
    if context.placement.few or context.broad:
        out.line(f"# {store} [q {context.rows}, v {width}] = output / total")
        with context.geometry.existing(context):
            out.line(f"out_at: T.int64 = {place('r')}", "inverse: T.let = f[total_at + r]")
            columns.emit_store(context, "r", store)
        return

    def write(row: str, column: str, lanes: int, numbers: str) -> None:
        value = rounded(context, f"({numbers})", lanes) if store == "out_t" else numbers
        out.line(
            f"{elements(store, f'{place(stored_row(context, row))} + {column}', lanes)} = {value}"
        )

    out.line(f"# {store} [q {context.rows}, v {width}] = output^T / total")
    emit_rows_from_columns(context, "output", width, write, "total")
