"""The end of a query tile: divide by the sum, store the output rows and their log-sum-exp."""

from attnc.codegen.tvm import columns
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.micro import LOCAL
from attnc.codegen.tvm.shares import part_offset
from attnc.codegen.tvm.stored import rounded

LN_2 = 0.6931471805599453


def emit_finish(context: Context) -> None:
    """Store the rows that exist; a query that saw no key gives zeros and minus infinity."""
    out, placement, real = context.out, context.placement, context.real
    zero, one = real.constant(0.0), real.constant(1.0)
    lse = f"(f[maximum_at + r] + T.log2(sum_r)) * {real.constant(LN_2)}"
    if context.scored:
        lse = f"f[maximum_at + r] + T.log2(sum_r) * {real.constant(LN_2)}"
    if placement.few:
        _add_up(context)
    output = "output" if placement.few else "output^T"
    out.line(f"# out [q {placement.rows}, v {context.value_dim}] = {output} / total")
    with context.geometry.existing(context):
        out.line(
            f"sum_r: T.{real.name} = f[total_at + r]",
            f"seen: T.bool = sum_r != {zero}",
            f"inverse: T.{real.name} = T.Select(seen, {one} / sum_r, {zero})",
            f"lse_r: T.{real.name} = T.if_then_else(seen, {lse}, T.{real.name}('-inf'))",
        )
        if not context.split:
            _emit_row(context)
            return
        with out.block("if shares == 1:"):
            _emit_row(context)
        with out.block("else:"):
            _emit_part(context)


def _add_up(context: Context) -> None:
    """The sums over the keys that lie abreast."""
    out, m = context.out, context.machine
    total = context.part("total")
    out.line(
        f"sums = T.alloc_buffer((1,), '{m.real.vector(m.lanes)}', {LOCAL})", f"sums[0] = {total}"
    )
    columns.fold(context, "sums[0]", "({0} + {1})")
    out.line(f"{total} = sums[0]")


def _emit_row(context: Context) -> None:
    """Row `r` to the outputs."""
    out, placement = context.out, context.placement
    head = f"(h + {placement.head('r')})" if placement.packed > 1 else "h"
    out.line(f"out_at: T.int64 = {context.row_offset('out', 'r')}")
    _emit_columns(context, "out_t")
    row = context.geometry.owned_row(context, "r")
    out.line(
        f"lse_at: T.int64 = T.Cast('int64', {context.entry}) * lse_s0"
        f" + T.Cast('int64', {head}) * lse_s1"
        f" + T.Cast('int64', q_row + {row}) * lse_s2",
        "lse_t[lse_at] = lse_r",
    )


def _emit_part(context: Context) -> None:
    """Row `r` to the parts of this share."""
    out, placement = context.out, context.placement
    head = f"(h + {placement.head('r')})" if placement.packed > 1 else "h"
    out.line(
        f"cell: T.int64 = (T.Cast('int64', s) * heads + {head}) * q_rows"
        f" + q_row + i_first + {placement.query('r')}",
        f"out_at: T.int64 = {part_offset(context, 'share', 'cell')}",
    )
    _emit_columns(context, "parts")
    out.line(f"parts[out_at + {context.value_dim}] = lse_r")


def _emit_columns(context: Context, store: str) -> None:
    if context.placement.few:
        columns.emit_store(context, "r", store)
        return
    with context.out.block(f"for d in range({context.value_dim}):"):
        value = f"f[output_at + d * {context.rows} + r] * inverse"
        if store == "out_t":
            value = rounded(context, f"({value})")
        context.out.line(f"{store}[out_at + d] = {value}")
