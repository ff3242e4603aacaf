"""The kernel of the gradients: one tile of keys, from its load to dK and dV.

A worker takes whole units: a KV head of a sequence, and of its key tiles every `splits`-th. It adds
dQ in memory, each split into a copy of its own, so that nothing is written by two workers.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

from xdsl.ir import Operation, SSAValue

from attnc.codegen.tvm import matrix_gradients
from attnc.codegen.tvm.axes import KEYS, QUERIES
from attnc.codegen.tvm.blocks import Blocks, Elementwise, loaded
from attnc.codegen.tvm.collect import Collected, collected
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.elementwise import Places, emit_elementwise
from attnc.codegen.tvm.marks import emit_marks
from attnc.codegen.tvm.matrices import emit_unit
from attnc.codegen.tvm.micro import emit_accumulate, emit_dot, visited_operand
from attnc.codegen.tvm.planner import emit_listing
from attnc.codegen.tvm.rows import emit_base, emit_owned_tile, stored_row
from attnc.codegen.tvm.signature import emit_row
from attnc.codegen.tvm.spread import Target, emit_owned_rows, emit_spread, padded
from attnc.codegen.tvm.stored import elements, rounded, widened
from attnc.codegen.tvm.stretches import emit_members, emit_room, emit_sort
from attnc.codegen.tvm.transpose import (
    emit_columns_from_rows,
    emit_rows_from_columns,
    emit_zeros,
)
from attnc.codegen.tvm.visits import emit_chunks
from attnc.compiler.dialects import tile

OWNED = {"k": "keys", "v": "values"}  # transposed, [column][row]


def backward_parts(context: Context) -> dict[str, int]:
    """The float scratch of a thread: operands transposed, keys as rows, sums and blocks."""
    if context.by_matrices:
        return matrix_gradients.gradient_parts(context) | _collected_parts(context)
    rows, m = context.rows, context.machine
    d, v = context.head_dim * rows, context.value_dim * rows
    sizes = {"keys": d, "values": v, "key_rows": padded(context.head_dim, m.lanes) * rows}
    sizes |= {"dk": d, "dv": v}
    for visit in context.visits:
        parts = Blocks(list(visit.each.block.ops)).parts.values()
        sizes |= dict.fromkeys(parts, m.chunk * m.keys * rows)
    if context.widens:
        sizes["wide"] = m.chunk * m.keys * max(context.head_dim, context.value_dim)
    return sizes | _collected_parts(context)


def _collected_parts(context: Context) -> dict[str, int]:
    return {c.part: c.size() for c in collected(context).values()}


def emit_backward_worker(context: Context) -> None:
    """One thread: every `threads`-th unit."""
    out = context.out
    units = "(T.Cast('int32', rows_n * kv_heads) * splits)"
    out.line(
        "group: T.int32 = T.Cast('int32', heads // kv_heads)",
        "kv_count: T.int32 = T.Cast('int32', kv_heads)",
    )
    with out.block(f"for turn in range(({units} + threads - 1) // threads):"):
        out.line("unit: T.int32 = turn * threads + worker")
        with out.block(f"if unit < {units}:"):
            out.line(
                "split: T.int32 = unit % splits",
                "kv_head: T.int32 = (unit // splits) % kv_count",
                "s: T.int32 = unit // (splits * kv_count)",
            )
            emit_row(context)
            if context.gathered:
                _emit_sorted_heads(context)
            with out.block("for step in range((tiles - split + splits - 1) // splits):"):
                out.line("c: T.int32 = split + step * splits")
                emit_owned_tile(context)
                unit = emit_unit(context) if context.by_matrices else nullcontext()
                with out.block(f"if {context.geometry.exists(context)}:"), unit:
                    _emit_tile(context)


def _emit_sorted_heads(context: Context) -> None:
    """The queries of each head by the unit that they chose."""
    out = context.out
    out.line("first: T.int32 = 0", "end: T.int32 = q_len", "head_count: T.int32 = kv_count * group")
    with out.block("for member in range(group):"):
        out.line("h: T.int32 = kv_head * group + member")
        emit_room(context, "T.Cast('int64', member) * T.Cast('int64', stretch)")
        emit_sort(context)


def _emit_tile(context: Context) -> None:
    """One tile of keys, for all query heads of its group."""
    out = context.out
    context.geometry.emit_rows(context)
    for name in ("k", "v", "dk", "dv"):
        emit_base(context, name, KEYS, "kv_head")
    _emit_load(context)
    with out.block("for member in range(group):"):
        out.line("h: T.int32 = kv_head * group + member")
        for name in ("q", "do", "lse", "delta"):
            emit_base(context, name, QUERIES, "h")
        emit_base(context, "dq", QUERIES, "h", copy="split")
        if context.gathered:
            emit_room(context, "T.Cast('int64', member) * T.Cast('int64', stretch)")
            emit_members(context, "u")
        emit_listing(context)
        reads = list({c.number: c for c in collected(context).values()}.values())
        for read in reads:
            read.emit_start()
        if context.visits:
            _emit_visits(context)
        emit_marks(context, clear=True)
        for read in reads:
            read.emit_finish()
    for op in context.kernel.body.block.ops:
        if isinstance(op, tile.StoreOp):
            _emit_store(context, op)


def _emit_load(context: Context) -> None:
    """Keys and values transposed, keys as rows too (both times the scale), sums of zero."""
    if context.by_matrices:
        matrix_gradients.emit_owned(context)
        for target in ("dk", "dv"):
            emit_zeros(context, target)
        return
    for name, columns in (("k", context.head_dim), ("v", context.value_dim)):
        part, axis = OWNED[name], "d" if name == "k" else "v"
        context.out.line(f"# {part} [{axis} {columns}, k {context.rows}]")
        emit_columns_from_rows(context, part, columns, partial(_number, context, name))
        emit_zeros(context, f"d{name}")
    emit_owned_rows(context, "key_rows", context.head_dim, partial(_number, context, "k"))


def _queries(context: Context) -> Target:
    """The rows of dQ."""

    def place(row: str) -> str:
        held = f"T.min({row}, {context.geometry.last(context.visited)})"
        return f"dq_base + T.Cast('int64', {context.geometry.tensor_row(held)}) * dq_s2"

    return Target("dq_t", place)


def _number(context: Context, name: str, row: str, column: str, lanes: int) -> str:
    """Numbers of an owned row from a column on, of keys times the scale; the last row repeats."""
    place = f"{context.row_offset(name, row, held=True)} + {column}"
    number = widened(context, elements(f"{name}_t", place, lanes), lanes)
    if name == "v":
        return number
    return f"{number} * T.broadcast(scale, {lanes})" if lanes > 1 else f"{number} * scale"


def _emit_visits(context: Context) -> None:
    """Both lists, a chunk at a time; only elementwise work differs between the classes."""
    by_matrices, reads = context.by_matrices, collected(context)
    arranged = matrix_gradients.ordered if by_matrices else Blocks
    visits = {v.tile_class.data: arranged(list(v.each.block.ops)) for v in context.visits}
    blocks_of_keys = matrix_gradients.emit_blocks(context) if by_matrices else nullcontext()
    with emit_chunks(context), blocks_of_keys:
        for steps in zip(*(blocks.steps for blocks in visits.values()), strict=True):
            if isinstance(steps[0], Operation):
                blocks = next(iter(visits.values()))
                emit = matrix_gradients.emit_gradient if by_matrices else _emit_product
                emit(context, steps[0], blocks.parts)
                continue
            for (name, blocks), step in zip(visits.items(), steps, strict=True):
                assert isinstance(step, list)
                _emit_step(context, name, step, blocks.parts, reads)


def _emit_product(context: Context, op: Operation, parts: dict[SSAValue, str]) -> None:
    match op:
        case tile.DotOp():
            operand = visited_operand(context, loaded(op.right))
            beside = visited_operand(context, "do") if operand.name == "q" else None
            emit_dot(context, operand, OWNED[loaded(op.left)], parts[op.result], beside)
        case tile.AccumulateOp() if op.target.data == "dq":
            weights, columns = parts[op.weights], context.head_dim
            emit_spread(context, weights, "key_rows", columns, _queries(context), "dq")
        case tile.AccumulateOp():
            operand = visited_operand(context, loaded(op.values))
            emit_accumulate(context, operand, parts[op.weights], op.target.data)
        case _:
            raise AssertionError(f"no code for {op.name}")


def _emit_step(
    context: Context,
    tile_class: str,
    step: Sequence[Elementwise],
    parts: dict[SSAValue, str],
    reads: dict[tile.CollectOp, Collected],
) -> None:
    """Elementwise work of one class."""
    rows = {
        block: f"{loaded(block)}_t[{loaded(block)}_base"
        f" + T.Cast('int64', {{0}}) * {loaded(block)}_s2]"
        for op in step
        for block in op.operands
        if isinstance(block.owner, tile.LoadOp)
    }
    context.out.line(f"# {tile_class} tiles")
    emit = matrix_gradients.emit_pairs if context.by_matrices else emit_elementwise
    emit(context, tile_class, step, Places(parts, rows, reads=reads))


def _emit_store(context: Context, op: tile.StoreOp) -> None:
    """The rows of dK or dV that exist."""
    target = op.target.data
    columns = context.head_dim if target == "dk" else context.value_dim

    def write(row: str, column: str, lanes: int, numbers: str) -> None:
        if op.factor and not context.by_matrices:
            factor = op.factor.data
            numbers += f" * T.broadcast({factor}, {lanes})" if lanes > 1 else f" * {factor}"
        place = f"{context.row_offset(target, stored_row(context, row))} + {column}"
        stored = rounded(context, numbers, lanes)
        context.out.line(f"{elements(f'{target}_t', place, lanes)} = {stored}")

    context.out.line(f"# {target} [k, {'d' if target == 'dk' else 'v'} {columns}]")
    emit_rows_from_columns(context, target, columns, write)
