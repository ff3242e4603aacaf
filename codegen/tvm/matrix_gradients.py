"""The five products of the backward pass by the CPU's matrix unit.

Of an owned tile of keys and a chunk of visited queries, with keys in the lanes:

    scores [q, k] = q . keys            d_weights [q, k] = do . values
    dv [v, k] += do^T . P               dk [d, k] += q^T . dS           dq [q, d] += dS . keys

P and dS are rounded to bfloat16 (as in FlashAttention), sums are float32. A block of 32 keys is
finished before the next: its scores and gradients stay in the first cache, and one pass over them
leaves P and dS in pairs of queries, and dS in rows of keys for the last product. What a row's
32 keys are added up in is their order in the lanes: key i beside key 16 + i, which is how the rows
of keys are paired, too. dS is multiplied by the scale before it is rounded.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from xdsl.ir import Operation, SSAValue

from attnc.codegen.expressions import FLOAT, Value
from attnc.codegen.tvm.blocks import Blocks, Elementwise, loaded
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.elementwise import Places, emit_row_values, emit_values, results
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.matrices import (
    UNIT,
    emit_accumulate,
    emit_dot,
    emit_product,
    tile_blocks,
)
from attnc.codegen.tvm.matrix_rows import emit_columns, emit_owned_pairs, emit_rows, whole
from attnc.codegen.tvm.matrix_unit import BYTES, COLUMNS, SIDE
from attnc.codegen.tvm.micro import visited_operand
from attnc.codegen.tvm.pairs import emit_interleaved, half_up, pair
from attnc.codegen.tvm.stored import elements
from attnc.codegen.tvm.visits import each_tile
from attnc.compiler.dialects import tile

APART = 13  # vectors between parts, whose sizes are powers of two: else they share cache sets
OWNED = {"q": "keys", "do": "values"}  # what each visited operand is multiplied with


def gradient_parts(context: Context) -> dict[str, int]:
    """The float scratch of a thread."""
    rows, m = context.rows, context.machine
    visited = m.chunk * m.keys
    sizes = {"key_pairs": whole(context.head_dim, SIDE) * rows // 2}
    for name, columns in (("q", context.head_dim), ("do", context.value_dim)):
        wide, tall = whole(columns, COLUMNS), whole(columns, SIDE)
        target = "dk" if name == "q" else "dv"
        sizes |= {OWNED[name]: wide // 2 * rows, target: tall * rows}
        sizes |= {f"{name}_rows": visited * wide // 2, f"{name}_columns": tall * visited // 2}
    for visit in context.visits:
        parts = ordered(list(visit.each.block.ops)).parts.values()
        sizes |= dict.fromkeys(parts, visited * context.abreast * m.lanes)
    sizes |= {"d_rows": visited * rows // 2, "dq_now": m.keys * whole(context.head_dim, SIDE)}
    return {name: size + APART * m.lanes for name, size in sizes.items()} | UNIT


def ordered(operations: Sequence[Operation]) -> Blocks:
    """The steps of a visit as they are computed here: products, all elementwise work, sums.

    Products read what was loaded, and sums what elementwise operations leave.
    """

    def stage(op: Operation) -> int:
        return 2 if isinstance(op, tile.AccumulateOp) else int(isinstance(op, Elementwise))

    return Blocks(sorted(operations, key=stage))


def emit_owned(context: Context) -> None:
    """Keys and values in pairs of columns, keys in pairs of rows too."""
    emit_owned_pairs(context, "k", context.head_dim, "keys")
    emit_owned_pairs(context, "v", context.value_dim, "values")
    _emit_key_pairs(context)


def _emit_key_pairs(context: Context) -> None:
    """Of each block of 32 keys, key i beside key 16 + i: `key_pairs` [k/2, d]."""
    out, m, columns = context.out, context.machine, context.head_dim
    width, half = whole(columns, SIDE), context.abreast * m.lanes // 2
    out.line(f"# key_pairs [k {context.rows} / 2, d {width}]")
    with out.block(f"for r in range({context.rows // 2}):"):
        first = f"r + r // {half} * {half}"
        for name, row in (("low", f"({first})"), ("high", f"({first} + {half})")):
            out.line(f"{name}: T.int64 = {context.row_offset('k', row, held=True)}")
        out.line(f"to: T.int64 = key_pairs_at + r * {width}")
        emit_interleaved(context, "k", columns)
        for column in range(columns, width):
            out.line(f"f[to + {column}] = {m.real.constant(0.0)}")


@contextmanager
def emit_blocks(context: Context) -> Iterator[None]:
    """The operands of a chunk, a loop over blocks of keys, and after it the product for dQ."""
    out = context.out
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.geometry.first(context, 'list_at + g')}")
        for name in OWNED:
            emit_rows(context, visited_operand(context, name), f"{name}_rows")
            emit_columns(context, visited_operand(context, name), f"{name}_columns")
    with out.block(f"for block in range({context.machine.vectors // context.abreast}):"):
        out.line(f"first_row: T.int32 = block * {context.abreast * context.machine.lanes}")
        yield
    _emit_spread(context)


def emit_gradient(context: Context, op: Operation, parts: Mapping[SSAValue, str]) -> None:
    """One of the products of a block."""
    match op:
        case tile.DotOp():
            operand = visited_operand(context, loaded(op.right))
            emit_dot(
                context, operand, f"{operand.name}_rows", OWNED[operand.name], parts[op.result]
            )
        case tile.AccumulateOp() if op.target.data == "dq":
            pass  # after the last block
        case tile.AccumulateOp():
            operand = visited_operand(context, loaded(op.values))
            columns, target = f"{operand.name}_columns", op.target.data
            emit_accumulate(context, operand, columns, parts[op.weights], target)
        case _:
            raise AssertionError(f"no code for {op.name}")


def emit_pairs(
    context: Context, tile_class: str, steps: Sequence[Elementwise], places: Places
) -> None:
    """All elementwise work on a block; its results are rounded, in pairs of queries.

    Those that dQ is made of are kept as rows, too.
    """
    out, m, across = context.out, context.machine, context.abreast
    kind, stored = f"'{m.real.vector(m.lanes)}'", results(steps, places)
    pair_rows = f"for j in range({m.keys // 2}):"
    with each_tile(context, tile_class), out.block(pair_rows):
        now = {block: out.fresh("now") for block in stored}
        out.line(*(f"{n} = T.alloc_buffer(({2 * across},), {kind}, {LOCAL})" for n in now.values()))
        with out.block("for odd in T.unroll(2):"):
            known = emit_row_values(context, steps, places, "(2 * j + odd)")
            with context.each_vector() as vector:
                lanes = _products(context, places, f"odd * {across} + {vector}")
                values = emit_values(context, steps, places, lanes | known)
                for block, name in now.items():
                    out.line(f"{name}[odd * {across} + {vector}] = {values[block].text}")
        for block, name in now.items():
            _emit_packed(context, name, places.parts[block], _spread(block))


def _products(context: Context, places: Places, row: str) -> dict[SSAValue, Value]:
    """What the products left of a vector of two rows of queries; scores times the scale."""
    m, found = context.machine, {}
    for block, part in places.parts.items():
        if isinstance(block.owner, tile.DotOp):
            offset = f"(g * {m.keys} + 2 * j) * {context.abreast * m.lanes} + ({row}) * {m.lanes}"
            text = context.part(part, offset)
            if loaded(block.owner.right) == "q":
                text = context.out.bind("score", f"{text} * T.broadcast(scale, {m.lanes})")
            found[block] = Value(text, FLOAT, m.lanes)
    return found


def _spread(block: SSAValue) -> bool:
    """Whether a block is a factor of dQ, and therefore of dK."""
    users = (use.operation for use in block.uses)
    return any(isinstance(op, tile.AccumulateOp) and op.target.data == "dq" for op in users)


def _emit_packed(context: Context, name: str, part: str, spread: bool) -> None:
    """Vectors of two rows of queries, rounded: in pairs of queries, and of keys."""
    out, m, across = context.out, context.machine, context.abreast
    numbers = [f"{name}[{i}]" for i in range(2 * across)]
    if spread:
        numbers = [f"({number} * T.broadcast(scale, {m.lanes}))" for number in numbers]
    words = [out.bind("word", half_up(number, m.lanes)) for number in numbers]
    for i in range(across):
        place = f"(g * {m.keys // 2} + j) * {across * m.lanes} + {i * m.lanes}"
        out.line(f"{context.part(part, place)} = {pair(words[i], words[across + i], m.lanes)}")
    for odd in range(2 if spread else 0):
        row = f"(g * {m.keys} + 2 * j + {odd}) * {context.rows // 2} + block * {m.lanes}"
        both = pair(words[odd * across], words[odd * across + 1], m.lanes)
        out.line(f"{context.part('d_rows', row)} = {both}")


def _emit_spread(context: Context) -> None:
    """`dq` [visited, columns] += `d_rows` [visited, owned] . `key_pairs` [owned/2, columns]."""
    out, m, rows, lie = context.out, context.machine, context.rows, context.geometry
    width, last = whole(context.head_dim, SIDE), lie.last(context.visited)
    out.line(f"# dq [q {m.keys}, d {width}] += dS [q, k {rows}] . keys [k, d]")
    with out.block("for g in range(tiles_now):"):
        for row, column, shape in tile_blocks(m.keys // SIDE, width // SIDE):
            emit_product(
                context,
                shape,
                (f"f[dq_now_at + {row * SIDE * width + column * SIDE}]", 4 * width),
                (f"f[d_rows_at + (g * {m.keys} + {row * SIDE}) * {rows // 2}]", 2 * rows),
                (f"f[key_pairs_at + {column * SIDE}]", 4 * width),
                (BYTES, 4 * width * SIDE),
                f"T.int64({rows // COLUMNS})",
                fresh=True,
            )
        out.line(f"row_first: T.int32 = {lie.first(context, 'list_at + g')}")
        with out.block(f"for j in range({m.keys}):"):
            out.line(f"row: T.int32 = {lie.row('row_first', 'j')}")
            with out.block(f"if row <= {last}:"):
                at = f"T.Cast('int64', {lie.tensor_row('row')}) * dq_s2"
                out.line(f"to: T.int64 = dq_base + {at}")
                with out.block(f"for i in T.unroll({width // m.lanes}):"):
                    place = elements("dq_t", f"to + i * {m.lanes}", m.lanes)
                    added = context.part("dq_now", f"j * {width} + i * {m.lanes}")
                    out.line(f"{place} = {place} + {added}")
