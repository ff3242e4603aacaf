"""Keys shared out among threads: each share visits a part of the listed tiles, then parts merge.

A share writes its normalised rows and their log-sum-exp to `parts` [shares, cells, columns + 1],
one cell for each row of the outputs. A second loop weighs the parts by their log-sum-exp. With one
share the outputs are written at once. (Dao 2023, "Flash-Decoding".)
"""

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.signature import emit_row
from attnc.codegen.tvm.stored import rounded


def part_offset(context: Context, share: str, cell: str) -> str:
    """Where the part of a cell lies; its log-sum-exp follows its columns."""
    return f"(T.Cast('int64', {share}) * n * heads * q_rows + {cell}) * {context.value_dim + 1}"


def emit_merge(context: Context) -> None:
    """Merge the parts of every cell, if there are several."""
    out = context.out
    with out.block("if shares > 1:"), out.block("for worker in T.parallel(threads):"):
        out.line("cells: T.int64 = n * heads * q_rows", "total_threads: T.int64 = threads")
        with out.block("for turn in range((cells + total_threads - 1) // total_threads):"):
            out.line("cell: T.int64 = turn * total_threads + worker")
            with out.block("if cell < cells:"):
                out.line(
                    "s: T.int32 = T.Cast('int32', cell // (heads * q_rows))",
                    "row: T.int64 = cell % q_rows",
                )
                emit_row(context)
                with out.block("if T.And(q_row <= row, row < q_row + q_len):"):
                    _emit_cell(context)


def _emit_cell(context: Context) -> None:
    out, real, columns = context.out, context.real, context.value_dim
    zero, one, nothing = real.constant(0.0), real.constant(1.0), f"T.{real.name}('-inf')"
    out.line(
        "sum_at: T.int64 = T.Cast('int64', worker) * f_s0",
        *(f"{name} = T.alloc_buffer((1,), '{real.name}', {LOCAL})" for name in ("top", "total")),
        f"top[0] = {nothing}",
        f"total[0] = {zero}",
    )
    with out.block("for share in range(shares):"):
        lse = f"parts[{part_offset(context, 'share', 'cell')} + {columns}]"
        out.line(f"top[0] = T.max(top[0], {lse})")
    with out.block(f"for d in range({columns}):"):
        out.line(f"f[sum_at + d] = {zero}")
    with out.block("for share in range(shares):"):
        out.line(
            f"part_at: T.int64 = {part_offset(context, 'share', 'cell')}",
            f"lse: T.{real.name} = parts[part_at + {columns}]",
            f"share_of_row: T.{real.name} = T.exp(lse - top[0])",
            f"weight: T.{real.name} = T.if_then_else(lse == {nothing}, {zero}, share_of_row)",
            "total[0] = total[0] + weight",
        )
        with out.block(f"for d in range({columns}):"):
            out.line("f[sum_at + d] = f[sum_at + d] + weight * parts[part_at + d]")
    out.line(
        f"seen: T.bool = total[0] != {zero}",
        f"inverse: T.{real.name} = T.Select(seen, {one} / total[0], {zero})",
        "head: T.int64 = cell // q_rows % heads",
        "out_at: T.int64 = T.Cast('int64', s) * out_s0 + head * out_s1 + row * out_s2",
        "lse_at: T.int64 = T.Cast('int64', s) * lse_s0 + head * lse_s1 + row * lse_s2",
        f"lse_t[lse_at] = T.if_then_else(seen, top[0] + T.log(total[0]), {nothing})",
    )
    with out.block(f"for d in range({columns}):"):
        out.line(f"out_t[out_at + d] = {rounded(context, '(f[sum_at + d] * inverse)')}")
