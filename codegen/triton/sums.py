"""What a visit adds to the gradients of inputs: to a sum for each owned row, or pair by pair.

At computed places a program keeps a table in registers. A tile of pairs touches few elements of it,
often one (`clamp`) or as many as it has diagonals: their places are compared with each element from
the least to the greatest that occurs, so that no two threads add to one number.
"""

from attnc.codegen.triton.collect import Collected
from attnc.codegen.triton.context import Context
from attnc.codegen.triton.programs import row_of
from attnc.dsl.printer import print_expr


def emit_sums(context: Context, one: Collected, value: str) -> None:
    """Add the values of a tile's pairs."""
    if one.computed:
        _emit_table(context, one, value)
    elif one.by_row:
        context.out.let(f"b_{one.label}", f"b_{one.label} + tl.sum({value}, 1)")
    else:
        _emit_pairs(context, one, value)


def _emit_table(context: Context, one: Collected, value: str) -> None:
    """Add to the elements at the pairs' places; what adds nothing has none."""
    out, total = context.out, f"b_{one.label}"
    out.let("b_g", value)
    out.let("b_e", f"tl.where(b_g != 0.0, {context.text(print_expr(one.index))}, -1)")
    out.line(f"first = tl.min(tl.where(b_e < 0, {one.block}, b_e))")
    with out.block("for e in range(first, tl.max(b_e) + 1):"):
        out.line("b_sum = tl.sum(tl.sum(tl.where(b_e == e, b_g, 0.0), 1), 0)")
        out.let(total, f"tl.where(tl.arange(0, {one.block}) == e, {total} + b_sum, {total})")


def _emit_pairs(context: Context, one: Collected, value: str) -> None:
    """Store what each pair has for its own element."""
    q, k = (row_of(context, axis) for axis in "qk")
    rows = f"tl.cast({q}, tl.int64)[:, None] * {one.label}_sq + {k}[None, :]"
    context.out.let("o_pair", f"{one.first} + {rows}")
    exists = "(i_q < q_len)[:, None] & (i_k < k_len)[None, :]"
    context.out.call("tl.store", [f"p_{one.label} + o_pair", value, f"mask={exists}"])
