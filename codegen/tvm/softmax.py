"""Online softmax with one query per lane: no horizontal maximum, no horizontal sum.

Scores are in units of log 2, which the query was scaled to, or natural where they pass through an
expression: then the difference to the maximum is converted, as that of large scores would lose
digits. Masked scores are `MASKED`, far below the first maximum `LEAST`, so
that their weights are exactly zero and a query that has seen no key keeps a sum of zero: there is
no infinity to subtract from itself. (Milakov and Gimelshein 2018; Dao et al. 2022, section 3.1.)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from attnc.codegen.expressions import FLOAT, LOG2_E, Value
from attnc.codegen.tvm.columns import fold
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.exponential import exp2
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.pairs import packed
from attnc.codegen.tvm.placement import STREAMS
from attnc.codegen.tvm.real import FLOAT32, Real

MASKED = -1.0e38  # times log2(e), and times 2, still finite
LEAST = -1.0e30
# For weights that are rounded to bfloat16 (3.9e-3): a fit of largest relative error 1.0e-4.
WEIGHTS = replace(
    FLOAT32,
    coefficients=(0.69328293, 0.24221096, 0.05500893),
    upward=(0.69511679, 0.22764499, 0.07706704),
)


def emit_online_softmax(context: Context) -> None:
    """Turn the scores of a chunk into weights, and move the maximum, sum and rescale factors."""
    out, m = context.out, context.machine
    kind = f"'{m.real.vector(m.lanes)}'"
    with out.block(f"for v in T.unroll({m.vectors}):"):
        offset = f"v * {m.lanes}"
        maximum, total = context.part("maximum", offset), context.part("total", offset)
        out.line(f"top = T.alloc_buffer(({STREAMS},), {kind}, {LOCAL})")
        out.line(*(f"top[{i}] = {maximum}" for i in range(STREAMS)))
        with keys_of_chunk(context, "v") as scores:
            out.line(*(f"top[{i}] = T.max(top[{i}], {s})" for i, s in enumerate(scores)))
        out.line("top[0] = T.max(T.max(top[0], top[1]), T.max(top[2], top[3]))")
        if context.placement.few:
            fold(context, "top[0]", "T.max({0}, {1})", context.placement.rows)
        factor = power(context, f"({maximum} - top[0])", m.real)
        out.line(f"{context.part('rescale', offset)} = {factor}")
        out.line(f"{maximum} = top[0]")
        out.line(f"part = T.alloc_buffer(({STREAMS},), {kind}, {LOCAL})")
        out.line(f"part[0] = {total} * {context.part('rescale', offset)}")
        out.line(*(f"part[{i}] = {m.real.constant(0.0, m.lanes)}" for i in range(1, STREAMS)))
        emit_weights(context, "v", "top[0]")
        out.line(f"{total} = (part[0] + part[1]) + (part[2] + part[3])")


def emit_weights(context: Context, vector: str, maximum: str) -> None:
    """Of a vector of a chunk: the scores become weights, which are added to `part`."""
    out, lanes, width = context.out, context.machine.lanes, context.abreast * context.machine.lanes
    with keys_of_chunk(context, vector) as scores:
        names = [_weigh(context, i, score, maximum) for i, score in enumerate(scores)]
        if not context.paired:
            out.line(*(f"{s} = {w}" for s, w in zip(scores, names, strict=True)))
            return
        for i in range(0, STREAMS, 2):
            place = f"(j * {STREAMS // 2} + {i // 2}) * {width} + {vector} * {lanes}"
            pair = packed(names[i], names[i + 1], lanes)
            out.line(f"{context.part('scores', place)} = {pair}")


def power(context: Context, difference: str, real: Real) -> str:
    """The exponential of a difference of two scores, by the coefficients of `real`."""
    m = context.machine
    if context.scored:
        difference = f"({difference} * {m.real.constant(LOG2_E, m.lanes)})"
    return exp2(context.out, Value(difference, FLOAT, m.lanes), real, m.scale, m.fraction).text


def _weigh(context: Context, stream: int, score: str, maximum: str) -> str:
    """The name of a weight, added to its stream's sum."""
    real = WEIGHTS if context.paired else context.real
    difference = f"({scaled(context, score)} - {maximum})"
    name = context.out.bind("w", power(context, difference, real))
    context.out.line(f"part[{stream}] = part[{stream}] + {name}")
    return name


def scaled(context: Context, score: str) -> str:
    """A score in units of the maximum."""
    factor = f"T.broadcast(score_scale, {context.machine.lanes})"
    return f"{score} * {factor}" if context.late_scale else score


@contextmanager
def keys_of_chunk(context: Context, vector: str) -> Iterator[list[str]]:
    """A loop over the keys of a chunk, and the scores of a vector for `STREAMS` steps."""
    lanes, width = context.machine.lanes, context.abreast * context.machine.lanes
    steps = context.machine.keys // context.placement.abreast
    with context.out.block(f"for j in range(tiles_now * {steps // STREAMS}):"):
        places = (f"(j * {STREAMS} + {i}) * {width} + {vector} * {lanes}" for i in range(STREAMS))
        yield [context.part("scores", place) for place in places]
