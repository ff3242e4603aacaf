"""The products of tiles with few rows: columns in the lanes, so that each key is one wide read.

`emit_dot` keeps a register of partial sums for each pair of a row and a key, and adds up the lanes
of as many registers as there are lanes in a tree of shuffles. `emit_accumulate` holds some columns
of all rows in registers. The cost of a call with few queries is reading keys and values, once and
in order, so both ask for the rows of a later tile while they work on this one, a line now and then:
a burst of them would fill the queue of the memory, and the arithmetic would wait.
"""

from attnc.codegen.tvm import column_pairs
from attnc.codegen.tvm.column_blocks import blocks_of, held
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.micro import Visited
from attnc.codegen.tvm.prefetch import (
    emit_later,
    emit_page_reader,
    emit_pages,
    emit_prefetch,
)
from attnc.codegen.tvm.stored import elements, rounded, widened
from attnc.codegen.tvm.transpose import fold_lanes


def emit_query(context: Context, factor: str) -> None:
    """The query tile [q, d] times `factor`; rows beyond the tile's own repeat its last query."""
    out, placement = context.out, context.placement
    out.line(f"# query [q {placement.rows}, d {context.head_dim}], scaled")
    with emit_page_reader(context):
        if context.paired:
            column_pairs.emit_query(context)
        else:
            _emit_query(context, factor)


def _emit_query(context: Context, factor: str) -> None:
    out, placement = context.out, context.placement
    blocks = blocks_of(context, context.head_dim)
    with out.block(f"for r in range({placement.rows}):"):
        out.line(f"q_at: T.int64 = {context.row_offset('q', 'r', held=True)}")
        with out.block(f"for block in range({blocks.count}):"):
            out.line(f"first: T.int32 = {blocks.first('block')}")
            with out.block(f"for d in range({placement.lanes}):"):
                fresh = f"first + d >= block * {placement.lanes}"
                value = f"{widened(context, 'q_t[q_at + first + d]')} * {factor}"
                place = f"query_at + (r * {blocks.count} + block) * {placement.lanes} + d"
                zero = context.real.constant(0.0)
                out.line(f"f[{place}] = T.Select({fresh}, {value}, {zero})")


def emit_dot(context: Context, operand: Visited, target: str) -> None:
    """Of the tiles of a chunk: `target` [k, q] = operand . query [q, columns]^T."""
    out, m, placement, name = context.out, context.machine, context.placement, operand.name
    blocks, rows = blocks_of(context, operand.columns), placement.rows
    out.line(
        f"# {target} [k {m.keys}, q {rows}]"
        f" = {name} [k, {operand.axis} {operand.columns}] . query [q, {operand.axis}]"
    )
    with out.block("for g in range(tiles_now):"):
        _emit_tile(context, operand)
        emit_pages(context, name, operand.columns)
        with out.block(f"for j in range({m.keys // placement.abreast}):"):
            for i in range(placement.abreast):
                row = f"(j * {placement.abreast} + {i})"
                out.line(f"{name}_{i}: T.int64 = {held(operand, row)}")
                emit_prefetch(context, name, row, range(operand.columns))
            sums = _emit_sums(context, "a", [m.real.constant(0.0, m.lanes)] * m.lanes)
            with out.block(f"for d in range({blocks.count}):"):
                out.line(f"d_first: T.int32 = {blocks.first('d')}")
                for r in range(rows):
                    vector = context.part("query", f"({r * blocks.count} + d) * {m.lanes}")
                    out.line(f"q_{r}: T.let = {vector}")
                for i in range(placement.abreast):
                    place = f"{name}_{i} + d_first"
                    if context.paired:
                        column_pairs.emit_products(context, place, sums[i * rows : (i + 1) * rows])
                        continue
                    numbers = elements(f"{name}_t", place, m.lanes)
                    out.line(f"x_{i}: T.let = {widened(context, numbers, m.lanes)}")
                    for r in range(rows):
                        total = sums[i * rows + r]
                        out.line(f"{total} = {total} + x_{i} * q_{r}")
            step = f"(g * {m.keys // placement.abreast} + j) * {m.lanes}"
            scale = f" * T.broadcast(score_scale, {m.lanes})" if context.paired else ""
            found = fold_lanes(context, sums, "{0} + {1}")
            out.line(f"{context.part(target, step)} = {found}{scale}")


def emit_accumulate(
    context: Context, operand: Visited, weights: str, target: str, rescale: str
) -> None:
    """`target` [q, columns] (times `rescale`) += `weights` [k, q]^T . operand.

    Over the tiles of a chunk, with as many columns of all rows as fit into registers.
    """
    out, m, placement = context.out, context.machine, context.placement
    blocks, rows = blocks_of(context, operand.columns), placement.rows
    out.line(
        f"# {target} [q {rows}, {operand.axis} {operand.columns}]"
        f" += {weights} [k, q]^T . {operand.name} [k, {operand.axis}]"
    )
    registers = blocks.numbers // m.lanes  # of a block
    together = max(1, placement.sums // (rows * registers))
    for first in range(0, blocks.count, together):
        some = range(first, min(first + together, blocks.count))
        places = [
            context.part(target, f"{(r * blocks.count + b) * blocks.numbers + i * m.lanes}")
            for b in some
            for i in range(registers)
            for r in range(rows)
        ]
        factors = [f"T.broadcast(f[{rescale}_at + {r}], {m.lanes})" for r in range(rows)]
        starts = [f"{place} * {factors[i % rows]}" for i, place in enumerate(places)]
        sums = _emit_sums(context, f"a{first}_", starts)
        with out.block("for g in range(tiles_now):"):
            _emit_tile(context, operand)
            if first == 0:
                emit_pages(context, operand.name, operand.columns)
            emit = column_pairs.emit_weighted if context.paired else _emit_weighted
            emit(context, operand, weights, some, sums)
        out.line(*(f"{place} = {total}" for place, total in zip(places, sums, strict=True)))


def _emit_weighted(
    context: Context, operand: Visited, weights: str, some: range, sums: list[str]
) -> None:
    """Add some blocks of columns of the rows of tile `g`, times their weights."""
    out, m, name, rows = context.out, context.machine, operand.name, context.placement.rows
    blocks = blocks_of(context, operand.columns)
    with out.block(f"for j in range({m.keys}):"):
        out.line(f"{name}_at: T.int64 = {held(operand, 'j')}")
        emit_prefetch(context, name, "j", blocks.range(some))
        for r in range(rows):
            weight = f"f[{weights}_at + (g * {m.keys} + j) * {rows} + {r}]"
            out.line(f"w_{r}: T.let = T.broadcast({weight}, {m.lanes})")
        for i, b in enumerate(some):
            numbers = elements(f"{name}_t", f"{name}_at + {blocks.first(b)}", m.lanes)
            out.line(f"x_{b}: T.let = {widened(context, numbers, m.lanes)}")
            for r in range(rows):
                total = sums[i * rows + r]
                out.line(f"{total} = {total} + x_{b} * w_{r}")


def emit_store(context: Context, row: str, store: str) -> None:
    """The columns of an output row times `inverse`, to `store` from its offset `out_at` on."""
    out = context.out
    blocks = blocks_of(context, context.value_dim)
    with out.block(f"for block in range({blocks.count}):"):
        out.line(f"first: T.int32 = {blocks.first('block')}")
        with out.block(f"for d in range({blocks.numbers}):"):
            place = column_pairs.place(context, "d") if context.paired else "d"
            value = f"f[output_at + ({row} * {blocks.count} + block) * {blocks.numbers} + {place}]"
            value += " * inverse"
            if store == "out_t":
                value = rounded(context, f"({value})")
            out.line(f"{store}[out_at + first + d] = {value}")


def fold(context: Context, value: str, combine: str, step: int) -> None:
    """Combine every `step`th lane in a one-element buffer, so that all of these agree."""
    lanes = context.placement.lanes
    while step < lanes:
        turned = [(i + step) % lanes for i in range(lanes)]
        other = f"T.Shuffle([{value}], {turned})"
        context.out.line(f"{value} = {combine.format(value, other)}")
        step *= 2


def _emit_sums(context: Context, name: str, starts: list[str]) -> list[str]:
    """Accumulators with their starts; returns what they are called."""
    m = context.machine
    kind = f"'{m.real.vector(m.lanes)}'"
    for i, start in enumerate(starts):
        context.out.line(
            f"{name}{i} = T.alloc_buffer((1,), {kind}, {LOCAL})", f"{name}{i}[0] = {start}"
        )
    return [f"{name}{i}[0]" for i in range(len(starts))]


def _emit_tile(context: Context, operand: Visited) -> None:
    """Where tile `g` of the chunk begins, the last row, and a tile visited a little later."""
    name, keys = operand.name, context.machine.keys
    rows = {
        "first": f"{context.list_name}[list_at + g] * {keys}",
        "last": f"{context.visited.length} - 1",
    }
    for word, row in rows.items():
        offset = f"{name}_base + T.Cast('int64', {row}) * {name}_s2"
        context.out.line(f"{name}_{word}: T.int64 = {offset}")
    emit_later(context, name)
