"""The state of a stretch of queries, between the units of keys that are added to it.

In a thread's scratch, behind its other parts: of each query a row of whole vectors, which is its
output times its sum, then the maxima of all queries, then the sums. A kernel that takes it up from
`out` and `lse` begins with the log-sum-exp as the maximum of a sum of 1.
"""

from attnc.codegen.expressions import FLOAT, LN_2, LOG2_E, Value
from attnc.codegen.tvm.axes import QUERIES
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.logarithm import log
from attnc.codegen.tvm.micro import emit_column_vectors
from attnc.codegen.tvm.rows import QUERY_HEAD, emit_base
from attnc.codegen.tvm.softmax import LEAST
from attnc.codegen.tvm.spread import Target, padded
from attnc.codegen.tvm.stored import elements

CHUNK_STATE = (("maximum", "tops"), ("total", "sums"))  # of the rows of a chunk, and of all


def state_numbers(context: Context) -> int:
    """How many numbers the state of a query takes."""
    return padded(context.value_dim, context.machine.lanes) + len(CHUNK_STATE)


def emit_start(context: Context) -> None:
    """The state that `out` and `lse` hold."""
    out, real = context.out, context.real
    unit = real.constant(1.0 if context.scored else LOG2_E)
    width = padded(context.value_dim, context.machine.lanes)
    out.line(
        f"tops_at: T.int64 = state_at + T.Cast('int64', stretch) * {width}",
        "sums_at: T.int64 = tops_at + T.Cast('int64', stretch)",
    )
    for name in ("out", "lse"):
        emit_base(context, name, QUERIES, QUERY_HEAD)
    with out.block("for r in range(end - first):"):
        out.line(
            f"before: T.let = lse_t[{_row('lse', 'r')}]",
            f"seen: T.let = before != T.{real.name}('-inf')",
            f"f[tops_at + r] = T.Select(seen, before * {unit}, {real.constant(LEAST)})",
            f"f[sums_at + r] = T.Select(seen, {real.constant(1.0)}, {real.constant(0.0)})",
        )
        for lanes, column in emit_column_vectors(context, context.value_dim):
            numbers = elements("out_t", f"{_row('out', 'r')} + {column}", lanes)
            state = elements("f", f"{_state(context, 'r')} + {column}", lanes)
            out.line(f"{state} = {numbers}")


def emit_end(context: Context) -> None:
    """The state to `out` and `lse`; a query that has seen no key has zeros and minus infinity."""
    out, lanes, real = context.out, context.machine.lanes, context.real
    zero, one = (real.constant(number, lanes) for number in (0.0, 1.0))
    unit = "" if context.scored else f" * {real.constant(LN_2, lanes)}"
    nothing = f"T.broadcast(T.{real.name}('-inf'), {lanes})"
    with out.block(f"for v in range((end - first + {lanes - 1}) // {lanes}):"):
        top, total = (elements("f", f"{name}_at + v * {lanes}", lanes) for name in ("tops", "sums"))
        sums = out.bind("sums", total)
        seen, logarithm = f"{sums} != {zero}", log(out, Value(sums, FLOAT, lanes), real).text
        out.line(
            f"{top} = T.Select({seen}, {top}{unit} + {logarithm}, {nothing})",
            f"{total} = T.Select({seen}, {one} / {sums}, {zero})",
        )
    with out.block("for r in range(end - first):"):
        out.line(f"lse_t[{_row('lse', 'r')}] = f[tops_at + r]")
        for lanes, column in emit_column_vectors(context, context.value_dim):
            numbers = elements("f", f"{_state(context, 'r')} + {column}", lanes)
            inverse = "f[sums_at + r]"
            inverse = f"T.broadcast({inverse}, {lanes})" if lanes > 1 else inverse
            place = elements("out_t", f"{_row('out', 'r')} + {column}", lanes)
            out.line(f"{place} = {numbers} * {inverse}")


def _row(name: str, r: str) -> str:
    """Where row `r` of the stretch begins in a tensor."""
    return f"{name}_base + T.Cast('int64', first + {r}) * {name}_s2"


def _state(context: Context, r: str) -> str:
    """Where its state begins."""
    return f"state_at + T.Cast('int64', {r}) * {padded(context.value_dim, context.machine.lanes)}"


def emit_rows_of_chunk(context: Context) -> None:
    """Which rows of the stretch those of a chunk are, below 0 if none, with maxima and sums."""
    out, keys, lie = context.out, context.machine.keys, context.geometry
    out.line(f"slots = T.alloc_buffer(({context.machine.chunk * keys},), 'int32', {LOCAL})")
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {lie.first(context, 'list_at + g')}")
        with out.block(f"for j in range({keys}):"):
            out.line(
                f"row: T.int32 = {lie.row('row_first', 'j')}",
                "slot: T.int32 = T.if_then_else(row < end, row - first, -1)",
                f"slots[g * {keys} + j] = slot",
                *(
                    f"f[{part}_at + g * {keys} + j] = f[{all_}_at + T.max(slot, 0)]"
                    for part, all_ in CHUNK_STATE
                ),
            )


def emit_chunk_end(context: Context) -> None:
    """Maxima and sums of the rows of a chunk, back to where all are."""
    out = context.out
    with out.block(f"for i in range(tiles_now * {context.machine.keys}):"):
        out.line("slot: T.int32 = slots[i]")
        with out.block("if slot >= 0:"):
            out.line(*(f"f[{all_}_at + slot] = f[{part}_at + i]" for part, all_ in CHUNK_STATE))


def outputs(context: Context) -> Target:
    """The rows of the state that a chunk adds to."""

    def place(row: str) -> str:
        return _state(context, f"({row} - first)")

    def factor(i: int) -> str:
        return f"f[rescale_at + g * {context.machine.keys} + {i}]"

    return Target("f", place, factor)
