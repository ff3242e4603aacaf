"""The products in bfloat16, where the CPU has an instruction for products of pairs.

It adds to each 32-bit lane the products of two pairs of neighbouring numbers. So the contracted
axis lies in pairs: [d/2][q] for queries, [k/2][q] for weights, [k/2][v] for values, two numbers in
each 32-bit element of the scratch. Keys are read in place: neighbouring columns are a pair as they
lie. Sums are float32. Weights are rounded to bfloat16, but what they are divided by is the sum of
the unrounded ones (as in FlashAttention).

Queries are not multiplied by the scale, which would round them, but by a power of two; what is left
of the scale, a factor in [1, 2), multiplies the scores.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.micro import Visited, emit_accumulators, emit_column_vectors
from attnc.codegen.tvm.prefetch import emit_later, emit_prefetch
from attnc.codegen.tvm.stored import elements, number, widened, word
from attnc.codegen.tvm.transpose import emit_columns_from_rows

DOT = "attnc_dot"


def emit_scale(context: Context, factor: str) -> None:
    """Split the factor of the scores into `query_scale`, a power of two, and `score_scale`."""
    mantissa = f"T.bitwise_and({word('factor')}, {number(0x7FFFFF)})"
    context.out.line(
        f"factor: T.float32 = {factor}",
        f"score_scale: T.float32 = {as_real(f'T.bitwise_or({mantissa}, {number(0x3F800000)})')}",
        "query_scale: T.float32 = factor / score_scale",
    )


def emit_query(context: Context) -> None:
    """The query into the scratch [d/2][q]."""
    out, rows, dim = context.out, context.rows, context.head_dim
    with imported(context):
        if dim > 1:
            emit_columns_from_rows(context, "query", dim // 2, partial(_scaled_pairs, context))
        if dim % 2:
            with out.block(f"for r in range({rows}):"):
                bits = f"q_t[{context.row_offset('q', 'r', held=True)} + {dim - 1}]"
                last = scaled(f"T.shift_left(T.Cast('uint32', {bits}), {number(16)})")
                out.line(f"f[query_at + {dim // 2 * rows} + r] = {pair(last, number(0))}")


@contextmanager
def imported(context: Context) -> Iterator[None]:
    """A statement that brings the function `attnc_dot` into the module, for all that follows."""
    m = context.machine
    assert m.dot is not None
    statement = f"with T.attr(0, 'pragma_import_llvm', {dot_function(m.dot, m.lanes)!r}):"
    with context.out.block(statement):
        yield


def _scaled_pairs(context: Context, row: str, column: str, lanes: int) -> str:
    """Pairs of a row of the query times the power of two; the last row repeats."""
    place = f"{context.row_offset('q', row, held=True)} + 2 * {column}"
    words = context.out.bind("w", word(elements("q_t", place, 2 * lanes), lanes))
    low = f"T.shift_left({words}, {number(16, lanes)})"
    high = f"T.bitwise_and({words}, {number(0xFFFF0000, lanes)})"
    return pair(scaled(low, lanes), scaled(high, lanes), lanes)


def emit_dot(context: Context, operand: Visited, owned: str, target: str, beside: Visited) -> None:
    """Of the tiles of a chunk: `target` [visited, owned] = operand . `owned` [columns/2, owned].

    Also puts the rows of `beside` into pairs, whose loads are hidden by the product.
    """
    out, m, rows, name = context.out, context.machine, context.rows, operand.name
    visited, lanes, columns = context.visited.name, context.owned.name, operand.columns
    out.line(
        f"# {target} [{visited} {m.keys}, {lanes} {rows}]"
        f" = {name} [{visited}, {operand.axis} {columns}] . {owned} [{operand.axis}, {lanes}]"
    )
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.geometry.first(context, 'list_at + g')}")
        lie = context.geometry
        for i in range(m.keys):
            out.line(f"{name}_{i}: T.int64 = {operand.offset(context, lie.row('row_first', i))}")
        if context.scattered:
            for ahead in (operand, beside):
                emit_later(context, ahead.name)
        _emit_interleave(context, beside)
        if context.scattered:
            with out.block(f"for j in range({m.keys}):"):
                for ahead in (operand, beside):
                    emit_prefetch(context, ahead.name, "j", range(ahead.columns))
        zero = m.real.constant(0.0, m.lanes)
        sums = emit_accumulators(context, target, m.keys, lambda i, v: zero)
        if columns > 1:
            with out.block(f"for d in range({columns // 2}):"):
                pairs = [f"{name}_t[T.ramp({name}_{i} + 2 * d, 1, 2)]" for i in range(m.keys)]
                _emit_dots(context, sums, owned, "d", [word(pair) for pair in pairs])
        if columns % 2:
            last = [f"{name}_t[{name}_{i} + {columns - 1}]" for i in range(m.keys)]
            words = [f"T.Cast('uint32', {number})" for number in last]
            _emit_dots(context, sums, owned, str(columns // 2), words)
        with out.block(f"for v in T.unroll({m.vectors}):"):
            for i in range(m.keys):
                place = context.part(target, f"(g * {m.keys} + {i}) * {rows} + v * {m.lanes}")
                out.line(f"{place} = {sums[i]}[v] * T.broadcast(score_scale, {m.lanes})")


def emit_accumulate(
    context: Context, operand: Visited, weights: str, target: str, rescale: str | None = None
) -> None:
    """`target` [columns, owned] (times `rescale`) += operand^T . `weights` [visited/2, owned].

    A block of columns at a time, over the tiles of a chunk.
    """
    out, m = context.out, context.machine
    visited, lanes, columns = context.visited.name, context.owned.name, operand.columns
    out.line(
        f"# {target} [{operand.axis} {columns}, {lanes} {context.rows}]"
        f" += {operand.name} [{visited}, {operand.axis}]^T . {weights} [{visited}, {lanes}]"
    )
    product = _Columns(context, operand, weights, target, rescale)
    blocks, rest = divmod(columns, m.keys)
    if blocks:
        with out.block(f"for column in range({blocks}):"):
            product.emit(f"column * {m.keys}", m.keys)
    if rest:
        product.emit(str(blocks * m.keys), rest)


@dataclass(frozen=True, slots=True)
class _Columns:
    """One block of columns of an accumulation."""

    context: Context
    operand: Visited
    weights: str
    target: str
    rescale: str | None

    def emit(self, first: str, count: int) -> None:
        context = self.context
        out, m, rows = context.out, context.machine, context.rows

        def target(i: int) -> str:
            return context.part(self.target, f"({first} + {i}) * {rows} + v * {m.lanes}")

        factor = f" * {context.part(self.rescale, f'v * {m.lanes}')}" if self.rescale else ""
        sums = emit_accumulators(context, self.target, count, lambda i, v: f"{target(i)}{factor}")
        with out.block(f"for j in range(tiles_now * {m.keys // 2}):"):
            place = f"pairs_at + j * {self.operand.columns} + {first}"
            words = [word(f"f[{place} + {i}]") for i in range(count)]
            _emit_dots(context, sums, self.weights, "j", words)
        with out.block(f"for v in T.unroll({m.vectors}):"):
            out.line(*(f"{target(i)} = {sums[i]}[v]" for i in range(count)))


def packed(low: str, high: str, lanes: int) -> str:
    """Two vectors of float32 as one of pairs, each rounded to the nearest bfloat16."""
    return pair(half_up(low, lanes), half_up(high, lanes), lanes)


def half_up(text: str, lanes: int) -> str:
    """The bits of float32, rounded to the nearest bfloat16 in their upper halves."""
    return f"({word(text, lanes)} + {number(0x8000, lanes)})"


def _emit_interleave(context: Context, operand: Visited) -> None:
    """The rows of tile `g` in pairs of neighbours: `pairs` [visited/2, columns]."""
    out, m, name = context.out, context.machine, operand.name
    with out.block(f"for j in range({m.keys // 2}):"):
        lie = context.geometry
        for i, row in enumerate(("low", "high")):
            out.line(
                f"{row}: T.int64 = {operand.offset(context, lie.row('row_first', f'2 * j + {i}'))}"
            )
        out.line(f"to: T.int64 = pairs_at + (g * {m.keys // 2} + j) * {operand.columns}")
        emit_interleaved(context, name, operand.columns)


def emit_interleaved(context: Context, name: str, columns: int) -> None:
    """Two rows of a tensor, at `low` and `high`, in pairs of neighbours, from `to` on."""
    for lanes, column in emit_column_vectors(context, columns):
        places = (elements(f"{name}_t", f"{row} + {column}", lanes) for row in ("low", "high"))
        low, high = (word(widened(context, place, lanes), lanes) for place in places)
        context.out.line(f"{elements('f', f'to + {column}', lanes)} = {pair(low, high, lanes)}")


def _emit_dots(context: Context, sums: list[str], vectors: str, row: str, words: list[str]) -> None:
    """Accumulate the products of broadcast pairs with a row of pairs in the scratch."""
    m = context.machine
    for total, one in zip(sums, words, strict=True):
        for v in range(m.vectors):
            vector = context.part(vectors, f"{row} * {context.rows} + {v * m.lanes}")
            operands = f"T.broadcast({one}, {m.lanes})", word(vector, m.lanes)
            context.out.line(f"{total}[{v}] = {product(context, f'{total}[{v}]', *operands)}")


def product(context: Context, total: str, x: str, y: str) -> str:
    """A register plus the products of the pairs of two words in each lane."""
    kind = context.machine.real.vector(context.machine.lanes)
    return f"T.call_pure_extern('{kind}', '{DOT}', {total}, {x}, {y})"


def scaled(bits: str, lanes: int = 1) -> str:
    """The bits of numbers of the query times a power of two, exact in the upper half."""
    scale = f"T.broadcast(query_scale, {lanes})" if lanes > 1 else "query_scale"
    return word(f"({as_real(bits, lanes)} * {scale})", lanes)


def pair(low: str, high: str, lanes: int = 1) -> str:
    """The upper halves of two words as one float32 of the scratch."""
    upper = f"T.bitwise_and({high}, {number(0xFFFF0000, lanes)})"
    return as_real(f"T.bitwise_or(T.shift_right({low}, {number(16, lanes)}), {upper})", lanes)


def as_real(bits: str, lanes: int = 1) -> str:
    """Bits as they are kept in the scratch."""
    kind = f"float32x{lanes}" if lanes > 1 else "float32"
    return f"T.reinterpret('{kind}', {bits})"


def dot_function(instruction: str, lanes: int) -> str:
    """LLVM text of `attnc_dot(sum, x, y)`, to be inlined.

    A call of the instruction itself would have bfloat16 operands, which TVM rewrites.
    """
    sums, words, halves = f"<{lanes} x float>", f"<{lanes} x i32>", f"<{2 * lanes} x bfloat>"
    name = f"@{instruction}.{32 * lanes}"
    return f"""\
declare {sums} {name}({sums}, {halves}, {halves})
define {sums} @{DOT}({sums} %sum, {words} %x, {words} %y) alwaysinline {{
  %a = bitcast {words} %x to {halves}
  %b = bitcast {words} %y to {halves}
  %r = call {sums} {name}({sums} %sum, {halves} %a, {halves} %b)
  ret {sums} %r
}}
"""
