"""One tile of queries, from its load to its output."""

from contextlib import nullcontext
from functools import partial
from types import ModuleType

from attnc.codegen.expressions import LOG2_E
from attnc.codegen.tvm import broad, columns, matrices, micro, pairs
from attnc.codegen.tvm.axes import KEYS, QUERIES
from attnc.codegen.tvm.choice import choice_parts, emit_choice, emit_keep, emit_no_choice
from attnc.codegen.tvm.column_blocks import blocks_of
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.elementwise import Places, emit_elementwise
from attnc.codegen.tvm.finish import emit_finish
from attnc.codegen.tvm.lazy_softmax import emit_lazy_softmax
from attnc.codegen.tvm.marks import emit_marks
from attnc.codegen.tvm.matrix_rows import emit_end
from attnc.codegen.tvm.micro import Visited
from attnc.codegen.tvm.planner import emit_listing
from attnc.codegen.tvm.pooled import emit_members
from attnc.codegen.tvm.rows import KEY_HEAD, QUERY_HEAD, emit_base
from attnc.codegen.tvm.softmax import LEAST, emit_online_softmax
from attnc.codegen.tvm.stored import elements, widened
from attnc.codegen.tvm.transpose import emit_columns_from_rows, emit_zeros
from attnc.codegen.tvm.visits import emit_chunks
from attnc.compiler.dialects import tile


def forward_parts(context: Context) -> dict[str, int]:
    """The float scratch of a thread."""
    if context.count:
        return choice_parts(context)
    rows, placement, chunk = context.rows, context.placement, context.machine.chunk
    states = dict.fromkeys(("maximum", "total", "rescale"), placement.width)
    if context.by_matrices:
        return matrices.matrix_parts(context) | states
    d, v = context.head_dim, context.value_dim
    if placement.few:
        d = blocks_of(context, d).width
    if placement.few or context.broad:
        v = blocks_of(context, v).width
    keys = chunk * context.machine.keys
    sizes = {"query": d * rows, "scores": keys * rows, "output": v * rows}
    sizes |= states
    if context.paired:
        sizes["query"] = (d + 1) // 2 * rows
    if context.paired and not placement.few:
        sizes["pairs"] = keys // 2 * v
    if context.widens:
        sizes["wide"] = keys * max(d, v)
    return sizes


def emit_tile(context: Context) -> None:
    """One tile of queries: load, plan, visit, finish."""
    with matrices.emit_unit(context) if context.by_matrices else nullcontext():
        with emit_members(context):
            for name in ("k",) if context.count else ("k", "v"):
                emit_base(context, name, KEYS, KEY_HEAD)
            for name in ("q",) if context.count else ("q", "out"):
                emit_base(context, name, QUERIES, QUERY_HEAD)
            emit_listing(context)
            _emit_load(context)
            if context.visits:
                with emit_chunks(context):
                    _emit_chunk(context)
            emit_marks(context, clear=True)
        if context.count:
            emit_choice(context)
        else:
            emit_finish(context)


def _emit_load(context: Context) -> None:
    """The query tile, transposed and scaled, and an empty state."""
    out, m = context.out, context.machine
    factor = "scale" if context.scored else f"(scale * {m.real.constant(LOG2_E)})"
    if context.paired:
        pairs.emit_scale(context, factor)
    if context.placement.few:
        columns.emit_query(context, factor)
    else:
        out.line(f"# query [d {context.head_dim}, q {context.rows}], scaled")
        if context.paired:
            pairs.emit_query(context)
            if context.by_matrices:
                emit_end(context, "query", context.head_dim)
        else:
            out.line(f"factor: T.{m.real.name} = {factor}")
            emit_columns_from_rows(context, "query", context.head_dim, partial(_scaled, context))
    if context.count:
        emit_no_choice(context)
        return
    emit_zeros(context, "output")
    with out.block(f"for v in T.unroll({m.vectors}):"):
        out.line(f"{context.part('maximum', f'v * {m.lanes}')} = {m.real.constant(LEAST, m.lanes)}")
        out.line(f"{context.part('total', f'v * {m.lanes}')} = {m.real.constant(0.0, m.lanes)}")


def _scaled(context: Context, row: str, column: str, lanes: int) -> str:
    """Numbers of a row of the query times the scale; the last row repeats."""
    place = f"{context.row_offset('q', row, held=True)} + {column}"
    number = widened(context, elements("q_t", place, lanes), lanes)
    return f"{number} * T.broadcast(factor, {lanes})" if lanes > 1 else f"{number} * factor"


def _emit_chunk(context: Context) -> None:
    """What is done with a chunk: the operations of the visits, which agree but for elementwise."""
    steps = [
        [op for op in visit.each.block.ops if not isinstance(op, tile.ScoreOp | tile.MaskOp)]
        for visit in context.visits
    ]
    assert len({tuple(map(type, ops)) for ops in steps}) == 1, "visits of different products"
    values = _values(context)
    blocks = matrices.emit_blocks(context, _keys(context), values)
    with blocks if context.by_matrices else nullcontext():
        for op in steps[0]:
            match op:
                case tile.DotOp():
                    _emit_scores(context)
                    emit_by_class(context)
                case tile.OnlineSoftmaxOp():
                    (emit_lazy_softmax if context.by_matrices else emit_online_softmax)(context)
                case tile.KeepOp():
                    emit_keep(context)
                case tile.AccumulateOp() if context.by_matrices:
                    matrices.emit_accumulate(context, values, "columns", "scores", "output")
                case tile.AccumulateOp():
                    products = _products(context)
                    products.emit_accumulate(context, values, "scores", "output", "rescale")
                case tile.LoadOp():
                    pass  # read in place
                case _:
                    raise AssertionError(f"no code for {op.name}")


def _emit_scores(context: Context) -> None:
    keys = _keys(context)
    if context.placement.few:
        columns.emit_dot(context, keys, "scores")
    elif context.by_matrices:
        matrices.emit_scores(context, keys)
    elif context.paired:
        pairs.emit_dot(context, keys, "query", "scores", beside=_values(context))
    else:
        beside = None if context.count else _values(context)
        micro.emit_dot(context, keys, "query", "scores", beside)


def _products(context: Context) -> ModuleType:
    """The module of the kernel's products."""
    if context.placement.few:
        return columns
    if context.broad:
        return broad
    return pairs if context.paired else micro


def _keys(context: Context) -> Visited:
    return Visited("k", context.head_dim, "d")


def _values(context: Context) -> Visited:
    return Visited("v", context.value_dim, "v")


def emit_by_class(context: Context) -> None:
    """Score expression and mask of each class, from the scores into their place."""
    for visit in context.visits:
        name = visit.tile_class.data
        steps = [op for op in visit.each.block.ops if isinstance(op, tile.ScoreOp | tile.MaskOp)]
        if steps:
            parts = dict.fromkeys((steps[0].block, steps[-1].result), "scores")
            context.out.line(f"# {name} tiles")
            emit_elementwise(context, name, steps, Places(parts, {}))
