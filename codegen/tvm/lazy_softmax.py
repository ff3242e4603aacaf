"""Online softmax that seldom moves its maximum, for products whose sums are not in registers.

Weights are relative to a number that is divided out in the end, so that the true maximum is not
needed: any that is not far below it will do. It stays until a score of the tile exceeds it by
`SLACK`, beyond which weights might become large, and only then output and sums are rescaled.
(The rule is that of FlashAttention-4, 2025.)
"""

from attnc.codegen.expressions import LN_2
from attnc.codegen.tvm.columns import fold
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.placement import STREAMS
from attnc.codegen.tvm.softmax import LEAST, emit_weights, keys_of_chunk, power, scaled

SLACK = 8.0  # in units of log 2: weights are at most 256


def emit_lazy_softmax(context: Context) -> None:
    """Turn the scores of a chunk into weights, and move maximum, sum and output if need be."""
    out, m = context.out, context.machine
    kind, least = f"'{m.real.vector(m.lanes)}'", m.real.constant(LEAST, m.lanes)
    out.line(f"rise = T.alloc_buffer((1,), {kind}, {LOCAL})", f"rise[0] = {least}")
    with context.each_vector() as vector:
        maximum, candidate = (context.part(name, f"v * {m.lanes}") for name in _TWO)
        out.line(f"top = T.alloc_buffer(({STREAMS},), {kind}, {LOCAL})")
        out.line(*(f"top[{i}] = {least}" for i in range(STREAMS)))
        with keys_of_chunk(context, vector) as scores:
            out.line(*(f"top[{i}] = T.max(top[{i}], {s})" for i, s in enumerate(scores)))
        out.line("top[0] = T.max(T.max(top[0], top[1]), T.max(top[2], top[3]))")
        out.line(f"{candidate} = T.max({maximum}, {scaled(context, 'top[0]')})")
        out.line(f"rise[0] = T.max(rise[0], {candidate} - {maximum})")
    fold(context, "rise[0]", "T.max({0}, {1})", 1)
    out.line(f"{context.part('rise')} = rise[0]")
    slack = SLACK * LN_2 if context.scored else SLACK
    with out.block(f"if {m.real.constant(slack)} < f[rise_at]:"):
        _emit_move(context)
    with context.each_vector() as vector:
        maximum, total = (context.part(name, f"v * {m.lanes}") for name in ("maximum", "total"))
        out.line(f"part = T.alloc_buffer(({STREAMS},), {kind}, {LOCAL})")
        out.line(f"part[0] = {total}", f"highest: T.let = {maximum}")
        out.line(*(f"part[{i}] = {m.real.constant(0.0, m.lanes)}" for i in range(1, STREAMS)))
        emit_weights(context, vector, "highest")
        out.line(f"{total} = (part[0] + part[1]) + (part[2] + part[3])")


_TWO = ("maximum", "rescale")


def _emit_move(context: Context) -> None:
    """The maximum of each row to its candidate; sums and output become relative to it."""
    out, m = context.out, context.machine
    with context.each_vector():
        maximum, candidate = (context.part(name, f"v * {m.lanes}") for name in _TWO)
        total = context.part("total", f"v * {m.lanes}")
        factor = out.bind("factor", power(context, f"({maximum} - {candidate})", m.real))
        out.line(f"{maximum} = {candidate}", f"{total} = {total} * {factor}")
        with out.block(f"for i in range({context.value_dim}):"):
            place = context.part("output", f"i * {context.rows} + v * {m.lanes}")
            out.line(f"{place} = {place} * {factor}")
