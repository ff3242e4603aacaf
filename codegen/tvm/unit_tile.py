"""One tile of the keys of a unit, for the queries that chose it: their outputs move on.

Keys lie in the lanes for the scores, columns for the outputs: neither queries nor outputs, of which
each tile has others, are transposed.
"""

from functools import partial

from attnc.codegen.expressions import LOG2_E
from attnc.codegen.tvm.axes import KEYS, QUERIES
from attnc.codegen.tvm.body import emit_by_class
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.micro import Visited, emit_dot
from attnc.codegen.tvm.planner import emit_listing
from attnc.codegen.tvm.row_softmax import emit_row_softmax, softmax_parts
from attnc.codegen.tvm.rows import KEY_HEAD, QUERY_HEAD, emit_base
from attnc.codegen.tvm.running import emit_chunk_end, emit_rows_of_chunk, outputs
from attnc.codegen.tvm.spread import emit_owned_rows, emit_spread, padded
from attnc.codegen.tvm.stored import elements
from attnc.codegen.tvm.transpose import emit_columns_from_rows
from attnc.codegen.tvm.visits import emit_chunks


def unit_parts(context: Context) -> dict[str, int]:
    """The float scratch of a thread, without the state of its stretch."""
    rows, m = context.rows, context.machine
    sizes = {"keys": context.head_dim * rows}
    sizes |= {"value_rows": padded(context.value_dim, m.lanes) * rows}
    return sizes | {"scores": m.chunk * m.keys * rows} | softmax_parts(context)


def emit_unit_tile(context: Context) -> None:
    """Load the keys, then chunk by chunk the queries."""
    for name, side, head in (
        ("k", KEYS, KEY_HEAD),
        ("v", KEYS, KEY_HEAD),
        ("q", QUERIES, QUERY_HEAD),
    ):
        emit_base(context, name, side, head)
    emit_listing(context)
    _emit_load(context)
    with emit_chunks(context):
        emit_rows_of_chunk(context)
        emit_dot(context, Visited("q", context.head_dim, "d"), "keys", "scores")
        emit_by_class(context)
        emit_row_softmax(context)
        emit_spread(context, "scores", "value_rows", context.value_dim, outputs(context), "output")
        emit_chunk_end(context)


def _emit_load(context: Context) -> None:
    """Keys transposed and scaled, values as rows."""
    out, real = context.out, context.real
    factor = "scale" if context.scored else f"(scale * {real.constant(LOG2_E)})"
    out.line(
        f"factor: T.{real.name} = {factor}", f"# keys [d {context.head_dim}, k {context.rows}]"
    )

    def read(name: str, row: str, column: str, lanes: int) -> str:
        place = f"{context.row_offset(name, row, held=True)} + {column}"
        return elements(f"{name}_t", place, lanes)

    def scaled(row: str, column: str, lanes: int) -> str:
        scale = f"T.broadcast(factor, {lanes})" if lanes > 1 else "factor"
        return f"{read('k', row, column, lanes)} * {scale}"

    emit_columns_from_rows(context, "keys", context.head_dim, scaled)
    emit_owned_rows(context, "value_rows", context.value_dim, partial(read, "v"))
