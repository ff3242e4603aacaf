"""The products of tiles with few rows in bfloat16, by the instruction for products of pairs.

Neighbouring columns of a query and a key are a pair as they lie. Of values, two rows are
interleaved in registers, quarters of a register at a time, as instructions do it: a register of
outputs has every other four columns of a block.
"""

from attnc.codegen.tvm.column_blocks import blocks_of, held
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.micro import Visited
from attnc.codegen.tvm.pairs import imported, pair, product, scaled
from attnc.codegen.tvm.prefetch import emit_prefetch
from attnc.codegen.tvm.stored import elements, number, word

QUARTER = 4  # pairs that an instruction interleaves at a time


def emit_query(context: Context) -> None:
    """The query tile [q, d/2] times a power of two; a number that a block repeats is zero."""
    out, lanes, blocks = context.out, context.machine.lanes, blocks_of(context, context.head_dim)
    with imported(context), out.block(f"for r in range({context.placement.rows}):"):
        out.line(f"q_at: T.int64 = {context.row_offset('q', 'r', held=True)}")
        with out.block(f"for block in range({blocks.count}):"):
            out.line(f"first: T.int32 = {blocks.first('block')}")
            with out.block(f"for d in range({lanes}):"):
                halves = []
                for column in ("first + 2 * d", "first + 2 * d + 1"):
                    bits = f"T.shift_left(T.Cast('uint32', q_t[q_at + {column}]), {number(16)})"
                    fresh = f"{column} >= block * {blocks.numbers}"
                    halves.append(f"T.Select({fresh}, {scaled(bits)}, {number(0)})")
                place = f"query_at + (r * {blocks.count} + block) * {lanes} + d"
                out.line(f"f[{place}] = {pair(halves[0], halves[1])}")


def emit_products(context: Context, place: str, sums: list[str]) -> None:
    """Add to the sum of each row r the products of a block of a key with the query `q_r`."""
    lanes = context.machine.lanes
    words = context.out.bind("x", word(elements("k_t", place, 2 * lanes), lanes))
    for r, total in enumerate(sums):
        query = word(f"q_{r}", lanes)
        context.out.line(f"{total} = {product(context, total, words, query)}")


def emit_weighted(
    context: Context, operand: Visited, weights: str, some: range, sums: list[str]
) -> None:
    """Add some blocks of columns of the rows of tile `g`, times their weights.

    A row's neighbour is the one whose weights lie in the next register.
    """
    out, m, name, abreast = context.out, context.machine, operand.name, context.placement.abreast
    blocks = blocks_of(context, operand.columns)
    with out.block(f"for p in range({m.keys // (2 * abreast)}):"):
        for i in range(2 * abreast):
            emit_prefetch(context, name, f"(2 * p * {abreast} + {i})", blocks.range(some))
        with out.block(f"for j in range({abreast}):"):
            for i, end in enumerate(("low", "high")):
                row = f"((2 * p + {i}) * {abreast} + j)"
                out.line(f"{name}_{end}: T.int64 = {held(operand, row)}")
            _emit_pair(context, operand, weights, some, sums)


def _emit_pair(
    context: Context, operand: Visited, weights: str, some: range, sums: list[str]
) -> None:
    """Rows `low` and `high`, whose weights are in element `j` of step `p`."""
    out, m, name, placement = context.out, context.machine, operand.name, context.placement
    blocks, rows, abreast = blocks_of(context, operand.columns), placement.rows, placement.abreast
    step = f"(g * {m.keys // (2 * abreast)} + p) * {m.lanes}"
    for r in range(rows):
        weight = word(f"f[{weights}_at + {step} + j * {rows} + {r}]")
        out.line(f"w_{r}: T.let = T.broadcast({weight}, {m.lanes})")
    for i, b in enumerate(some):
        low, high = (
            out.bind("y", elements(f"{name}_t", f"{name}_{x} + {blocks.first(b)}", 2 * m.lanes))
            for x in ("low", "high")
        )
        for half in (0, 1):
            shuffled = f"T.Shuffle([{low}, {high}], {_interleaved(m.lanes, half)})"
            words = out.bind("x", word(shuffled, m.lanes))
            for r in range(rows):
                total = sums[(2 * i + half) * rows + r]
                out.line(f"{total} = {product(context, total, words, f'w_{r}')}")


def place(context: Context, column: str) -> str:
    """Where the sum of a column of a block lies."""
    half = f"{column} // {QUARTER} % 2 * {context.machine.lanes}"
    return f"{half} + {column} // {2 * QUARTER} * {QUARTER} + {column} % {QUARTER}"


def _interleaved(lanes: int, half: int) -> list[int]:
    """Of two rows of a block, the columns whose sums share a register.

    >>> _interleaved(4, 0), _interleaved(4, 1)
    ([0, 8, 1, 9, 2, 10, 3, 11], [4, 12, 5, 13, 6, 14, 7, 15])
    """
    columns = [c for c in range(2 * lanes) if c // QUARTER % 2 == half]
    return [row * 2 * lanes + c for c in columns for row in (0, 1)]
