"""Outputs of tiles whose queries lie in one register, with the columns of values in the lanes.

There each number of a row of values that `micro` broadcasts meets one register of weights, and
loads take longer than products. Here weights are broadcast: one meets all registers of a row of
values, and each of these some queries. Outputs are rows, which need not change sides to be stored.
"""

from collections.abc import Iterator

from attnc.codegen.tvm.column_blocks import blocks_of
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.micro import Visited, emit_places, emit_widened
from attnc.codegen.tvm.stored import elements


def emit_accumulate(
    context: Context, operand: Visited, weights: str, target: str, rescale: str
) -> None:
    """`target` [q, columns] (times `rescale`) += `weights` [k, q]^T . operand.

    As many queries at a time as divide those of the tile and leave registers over.
    """
    out, m, rows, name = context.out, context.machine, context.rows, operand.name
    blocks = blocks_of(context, operand.columns)
    most = max(1, min(rows, context.placement.sums // blocks.count))
    queries = next(n for n in range(most, 0, -1) if rows % n == 0)
    emit_widened(context, operand)
    out.line(
        f"# {target} [q {rows}, {operand.axis} {operand.columns}]"
        f" += {weights} [k, q]^T . {name} [k, {operand.axis}]"
    )
    emit_places(context, operand)
    with out.block(f"for part in range({rows // queries}):"):
        out.line(f"q_first: T.int32 = part * {queries}")
        sums = [f"{target}{i}" for i in range(queries)]
        for i, total, place in _each_sum(context, sums, target, blocks.count):
            factor = f"T.broadcast({context.part(rescale, f'q_first + {i}', 1)}, {m.lanes})"
            out.line(f"{total} = {place} * {factor}")
        with out.block("for g in range(tiles_now):"), out.block(f"for j in range({m.keys}):"):
            out.line(f"{name}_at: T.int64 = {name}_places[g * {m.keys} + j]")
            for i, one in enumerate(sums):
                at = f"(g * {m.keys} + j) * {rows} + q_first + {i}"
                weight = f"T.broadcast({context.part(weights, at, 1)}, {m.lanes})"
                for b in range(blocks.count):
                    place = f"{name}_at + {blocks.first(b)}"
                    value = elements(operand.buffer(context), place, m.lanes)
                    out.line(f"{one}[{b}] = {one}[{b}] + {weight} * {value}")
        for _, total, place in _each_sum(context, sums, target, blocks.count, new=False):
            out.line(f"{place} = {total}")


def _each_sum(
    context: Context, sums: list[str], target: str, count: int, new: bool = True
) -> Iterator[tuple[int, str, str]]:
    """Loops over the registers of the queries' sums: query, register and its place in scratch."""
    out, m = context.out, context.machine
    kind = f"'{m.real.vector(m.lanes)}'"
    for i, one in enumerate(sums):
        if new:
            out.line(f"{one} = T.alloc_buffer(({count},), {kind}, {LOCAL})")
        with out.block(f"for b in T.unroll({count}):"):
            place = f"((q_first + {i}) * {count} + b) * {m.lanes}"
            yield i, f"{one}[b]", context.part(target, place)
