"""The end of a query tile: divide by the sum, store the output rows and their log-sum-exp."""

from attnc.codegen.tvm.context import Context

LN_2 = 0.6931471805599453


def emit_finish(context: Context) -> None:
    """Store the rows that exist; a query that saw no key gives zeros and minus infinity."""
    out, rows, real = context.out, context.rows, context.real
    zero, one = real.constant(0.0), real.constant(1.0)
    out.line(f"# out [q {rows}, v {context.value_dim}] = output^T / total")
    with out.block(f"for r in range(T.min({rows}, q_len - i_first)):"):
        out.line(
            f"sum_r: T.{real.name} = f[total_at + r]",
            f"seen: T.bool = sum_r != {zero}",
            f"inverse: T.{real.name} = T.Select(seen, {one} / sum_r, {zero})",
            "out_at: T.int64 = out_base + T.Cast('int64', i_first + r) * out_s2",
        )
        with out.block(f"for d in range({context.value_dim}):"):
            out.line(f"out_t[out_at + d] = f[output_at + d * {rows} + r] * inverse")
        out.line(
            "lse_at: T.int64 = T.Cast('int64', s) * lse_s0 + T.Cast('int64', h) * lse_s1"
            " + T.Cast('int64', q_row + i_first + r) * lse_s2"
        )
        out.line(
            "lse_t[lse_at] = T.if_then_else(seen, "
            f"(f[maximum_at + r] + T.log2(sum_r)) * {real.constant(LN_2)}, T.{real.name}('-inf'))"
        )
