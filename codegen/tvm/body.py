"""One tile of queries, from its load to its output."""

from attnc.codegen.tvm import columns
from attnc.codegen.tvm.axes import KEYS, QUERIES
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.elementwise import Places, emit_elementwise
from attnc.codegen.tvm.exponential import LOG2_E
from attnc.codegen.tvm.finish import emit_finish
from attnc.codegen.tvm.micro import Visited, emit_accumulate, emit_dot
from attnc.codegen.tvm.planner import emit_lookup
from attnc.codegen.tvm.rows import KEY_HEAD, QUERY_HEAD, emit_base, emit_owned_tile, emit_row_inputs
from attnc.codegen.tvm.softmax import LEAST, emit_online_softmax
from attnc.codegen.tvm.visits import (
    LISTS,
    append_to_list,
    emit_chunks,
    emit_owned_bounds,
    emit_plan,
)
from attnc.compiler.dialects import tile


def forward_parts(context: Context) -> dict[str, int]:
    """The float scratch of a thread."""
    rows, placement = context.rows, context.placement
    return {
        "query": placement.columns(context.head_dim) * rows,
        "scores": context.machine.chunk * context.machine.keys * rows,
        "output": placement.columns(context.value_dim) * rows,
        "maximum": placement.width,
        "total": placement.width,
        "rescale": placement.width,
    }


def emit_tile(context: Context) -> None:
    """One tile of queries: load, plan, visit, finish."""
    for name in ("k", "v"):
        emit_base(context, name, KEYS, KEY_HEAD)
    for name in ("q", "out"):
        emit_base(context, name, QUERIES, QUERY_HEAD)
    emit_owned_tile(context)
    emit_row_inputs(context)
    visits = context.visits
    emit_owned_bounds(context)
    if context.tabled:
        emit_lookup(context)
    else:
        emit_plan(context, visits, append_to_list)
    _emit_load(context)
    if visits:
        with emit_chunks(context):
            _emit_chunk(context)
    emit_finish(context)


def _emit_load(context: Context) -> None:
    """The query tile, transposed and scaled, and an empty state."""
    out, m, rows = context.out, context.machine, context.rows
    factor = "scale" if context.scored else f"(scale * {m.real.constant(LOG2_E)})"
    if context.placement.few:
        columns.emit_query(context, factor)
    else:
        out.line(f"# query [d {context.head_dim}, q {rows}], scaled")
        with out.block(f"for r in range({rows}):"):
            out.line(f"q_at: T.int64 = {context.row_offset('q', 'r', held=True)}")
            with out.block(f"for d in range({context.head_dim}):"):
                out.line(f"f[query_at + d * {rows} + r] = q_t[q_at + d] * {factor}")
    with out.block(f"for i in range({context.float_parts['output'] // m.lanes}):"):
        out.line(f"{context.part('output', f'i * {m.lanes}')} = {m.real.constant(0.0, m.lanes)}")
    with out.block(f"for v in T.unroll({m.vectors}):"):
        out.line(f"{context.part('maximum', f'v * {m.lanes}')} = {m.real.constant(LEAST, m.lanes)}")
        out.line(f"{context.part('total', f'v * {m.lanes}')} = {m.real.constant(0.0, m.lanes)}")


def _emit_chunk(context: Context) -> None:
    """What is done with a chunk: the operations of the visits, which agree but for elementwise."""
    steps = [
        [op for op in visit.each.block.ops if not isinstance(op, tile.ScoreOp | tile.MaskOp)]
        for visit in context.visits
    ]
    assert len({tuple(map(type, ops)) for ops in steps}) == 1, "visits of different products"
    for op in steps[0]:
        match op:
            case tile.DotOp():
                keys = Visited("k", context.head_dim, "d")
                if context.placement.few:
                    columns.emit_dot(context, keys, "scores")
                else:
                    emit_dot(context, keys, "query", "scores")
                _emit_by_class(context)
            case tile.OnlineSoftmaxOp():
                emit_online_softmax(context)
            case tile.AccumulateOp():
                values = Visited("v", context.value_dim, "v")
                accumulate = columns.emit_accumulate if context.placement.few else emit_accumulate
                accumulate(context, values, "scores", "output", "rescale")
            case tile.LoadOp():
                pass  # read in place
            case _:
                raise AssertionError(f"no code for {op.name}")


def _emit_by_class(context: Context) -> None:
    """Score expression and mask of each class, from the scores into their place."""
    for visit in context.visits:
        name = visit.tile_class.data
        steps = [op for op in visit.each.block.ops if isinstance(op, tile.ScoreOp | tile.MaskOp)]
        if steps:
            parts = dict.fromkeys((steps[0].block, steps[-1].result), "scores")
            with context.out.block(f"if which == {LISTS[name]}:  # {name} tiles"):
                emit_elementwise(context, steps, Places(parts, {}))
