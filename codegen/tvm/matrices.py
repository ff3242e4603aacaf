"""The products in bfloat16 by the CPU's matrix unit (Intel AMX), which multiplies whole tiles.

A tile register holds 16 rows of 64 bytes. One instruction adds to 16 x 16 sums in float32 the
products of 16 rows of 32 numbers with 16 columns of as many, the columns in pairs of numbers: the
same pairs in which `pairs` keeps queries and weights. So queries and weights are the columns, 16 of
them in the lanes of a vector, and keys and values the rows: keys as they lie, values transposed.
Rows of keys are copied, so that a tile that ends early, or whose rows lie apart, is none of its
own, and their columns are filled up with zeros to a multiple of 32.

Whoever used the unit before finds its configuration as it was (`emit_unit`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.matrix_unit import BYTES, COLUMNS, CONFIGURATION, NAME, SIDE, functions
from attnc.codegen.tvm.micro import LOCAL, Visited
from attnc.codegen.tvm.pairs import pair
from attnc.codegen.tvm.stored import elements, number, widened, word
from attnc.codegen.tvm.transpose import emit_transpose, transposed_names


def matrix_parts(context: Context) -> dict[str, int]:
    """The float scratch of a thread, maximum, sum and rescale factors apart."""
    rows, m = context.rows, context.machine
    columns, values = _padded(context.head_dim, COLUMNS), _padded(context.value_dim, SIDE)
    keys = m.chunk * m.keys
    return {
        "query": columns // 2 * rows,
        "scores": keys * context.abreast * m.lanes,
        "output": values * rows,
        "key_rows": keys * columns // 2,
        "columns": values * keys // 2,
        "configuration": len(CONFIGURATION),
        "before": len(CONFIGURATION),
        "rise": m.lanes,
    }


def _padded(count: int, block: int) -> int:
    return -(-count // block) * block


@contextmanager
def emit_unit(context: Context) -> Iterator[None]:
    """The matrix unit configured for what is written inside, and afterwards as it was."""
    out = context.out
    with out.block(f"with T.attr(0, 'pragma_import_llvm', {functions()!r}):"):
        for i, bits in enumerate(CONFIGURATION):
            value = _real(number(bits)) if bits else "T.float32(0)"
            out.line(f"f[configuration_at + {i}] = {value}")
        _call(context, "begin", "f[before_at]", "f[configuration_at]")
        yield
        _call(context, "end", "f[before_at]")


def emit_query_end(context: Context) -> None:
    """Zeros in the columns of the query that fill up its last tile."""
    first, m = (context.head_dim + 1) // 2, context.machine
    rest = _padded(context.head_dim, COLUMNS) // 2 - first
    if rest:
        with context.out.block(f"for i in range({rest * m.vectors}):"):
            place = context.part("query", f"{first * context.rows} + i * {m.lanes}")
            context.out.line(f"{place} = {m.real.constant(0.0, m.lanes)}")


@contextmanager
def emit_blocks(context: Context, keys: Visited, values: Visited) -> Iterator[None]:
    """Rows of keys and columns of values of a chunk, and a loop over `block`s of the query's rows.

    A block is as wide as a block of tiles, so that what is done with it stays in the first cache.
    """
    out = context.out
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.geometry.first(context, 'list_at + g')}")
        _emit_rows(context, keys)
        _emit_columns(context, values)
    with out.block(f"for block in range({context.machine.vectors // context.abreast}):"):
        out.line(f"first_row: T.int32 = block * {context.abreast * context.machine.lanes}")
        yield


def emit_dot(context: Context, operand: Visited) -> None:
    """Of the tiles of a chunk: `scores` [visited, block] = operand . `query` [columns/2, block]."""
    out, m, rows, across = context.out, context.machine, context.rows, context.abreast
    width, block = _padded(operand.columns, COLUMNS), across * m.lanes
    out.line(f"# scores [k {m.keys}, q {block}] = k [k, d {width}] . query [d, q]")
    with out.block("for g in range(tiles_now):"):
        for row, vector, shape in _blocks(m.keys // SIDE, across):
            key = f"(g * {m.keys} + {row * SIDE})"
            _product(
                context,
                shape,
                (f"f[scores_at + {key} * {block} + {vector * m.lanes}]", 4 * block),
                (f"f[key_rows_at + {key} * {width // 2}]", 2 * width),
                (f"f[query_at + first_row + {vector * m.lanes}]", 4 * rows),
                (BYTES, 4 * rows * SIDE),
                f"T.int64({width // COLUMNS})",
                fresh=True,
            )
    if not context.late_scale:
        with out.block(f"for i in range(tiles_now * {m.keys * across}):"):
            score = context.part("scores", f"i * {m.lanes}")
            out.line(f"{score} = {score} * T.broadcast(score_scale, {m.lanes})")


def emit_accumulate(context: Context, operand: Visited) -> None:
    """`output` [columns, block] += operand^T . `scores`, now weights [visited/2, block]."""
    m, rows, across, columns = context.machine, context.rows, context.abreast, operand.columns
    block, pairs = across * m.lanes, m.keys // 2
    context.out.line(f"# output [v {columns}, q {block}] += v [k, v]^T . weights [k, q]")
    for row, vector, shape in _blocks(-(-columns // SIDE), across):
        _product(
            context,
            shape,
            (f"f[output_at + first_row + {row * SIDE * rows + vector * m.lanes}]", 4 * rows),
            (f"f[columns_at + {row * SIDE * pairs}]", 4 * pairs),
            (f"f[scores_at + {vector * m.lanes}]", 4 * block),
            (4 * pairs * _padded(columns, SIDE), 4 * pairs * block),
            "T.Cast('int64', tiles_now)",
            fresh=False,
        )


def _blocks(rows: int, columns: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Blocks of two by two tiles, which fit into the registers with their operands.

    The first row and column of each, counted in tiles, and its shape.
    """
    for row in range(0, rows, 2):
        for column in range(0, columns, 2):
            yield row, column, (min(2, rows - row), min(2, columns - column))


Matrix = tuple[str, int]  # its first number, and the bytes from row to row


def _product(
    context: Context,
    shape: tuple[int, int],
    sums: Matrix,
    left: Matrix,
    right: Matrix,
    step: tuple[int, int],
    steps: str,
    *,
    fresh: bool,
) -> None:
    """A block of tiles of sums; `step`: the bytes from step to step, left and right."""
    operands = (sums, left, right)
    places, strides = [place for place, _ in operands], [stride for _, stride in operands]
    numbers = [f"T.int64({n})" for n in (*strides, *step)]
    name = f"{shape[0]}x{shape[1]}"
    _call(context, name, *places, *numbers, steps, f"T.int32({int(fresh)})")


def _call(context: Context, function: str, *arguments: str) -> None:
    """A call of a function of the unit; places in the scratch are passed as addresses."""
    given = (f"T.address_of({a})" if a.startswith("f[") else a for a in arguments)
    text = f"T.call_extern('int32', '{NAME}_{function}', {', '.join(given)})"
    context.out.line(f"T.evaluate({text})")


def _emit_rows(context: Context, operand: Visited) -> None:
    """The rows of tile `g` as they lie, with zeros up to a multiple of 32 columns."""
    out, m, name, count = context.out, context.machine, operand.name, operand.columns
    width = _padded(count, COLUMNS) // 2
    with out.block(f"for j in range({m.keys}):"):
        row = context.geometry.row("row_first", "j")
        out.line(f"{name}_at: T.int64 = {operand.offset(context, row)}")
        first = 0
        while first < count // 2:
            lanes = min(m.lanes, 1 << ((count // 2 - first).bit_length() - 1))
            words = word(elements(f"{name}_t", f"{name}_at + {2 * first}", 2 * lanes), lanes)
            _store(context, first, lanes, _real(words, lanes), width)
            first += lanes
        if count % 2:
            last = f"T.Cast('uint32', {name}_t[{name}_at + {count - 1}])"
            _store(context, first, 1, _real(last), width)
            first += 1
        while first < width:
            lanes = 1 << ((width - first).bit_length() - 1)
            _store(context, first, lanes, context.real.constant(0.0, lanes), width)
            first += lanes


def _store(context: Context, first: int, lanes: int, numbers: str, width: int) -> None:
    row = f"(g * {context.machine.keys} + j)"
    place = elements("f", f"key_rows_at + {row} * {width} + {first}", lanes)
    context.out.line(f"{place} = {numbers}")


def _real(words: str, lanes: int = 1) -> str:
    """Words as they are kept in the scratch."""
    return f"T.reinterpret('{f'float32x{lanes}' if lanes > 1 else 'float32'}', {words})"


def _emit_columns(context: Context, operand: Visited) -> None:
    """The columns of tile `g`, in pairs of neighbouring rows: `columns` [g, columns, rows/2]."""
    out, m, name, lanes = context.out, context.machine, operand.name, context.machine.lanes
    pairs, to = m.keys // 2, f"g * {_padded(operand.columns, SIDE) * m.keys // 2}"
    out.line(f"{name}_places = T.alloc_buffer(({m.keys},), 'int64', {LOCAL})")
    with out.block(f"for j in range({m.keys}):"):
        row = context.geometry.row("row_first", "j")
        out.line(f"{name}_places[j] = {operand.offset(context, row)}")
    if operand.columns < lanes:
        each_pair, each_column = f"for j in range({pairs}):", f"for d in range({operand.columns}):"
        with out.block(each_pair), out.block(each_column):
            words = _pair(context, name, "j", "d", 1)
            out.line(f"f[columns_at + {to} + d * {pairs} + j] = {words}")
        return
    with out.block(f"for block in range({-(-operand.columns // lanes)}):"):
        out.line(f"first: T.int32 = T.min(block * {lanes}, {operand.columns - lanes})")
        names = transposed_names(context)
        with out.block(f"for i in T.unroll({lanes}):"):
            out.line(f"{names[0]}[i] = {_pair(context, name, 'i', 'first', lanes)}")
        found = emit_transpose(context, names)
        with out.block(f"for i in T.unroll({lanes}):"):
            place = context.part("columns", f"{to} + (first + i) * {pairs}")
            out.line(f"{place} = {found}[i]")


def _pair(context: Context, name: str, row: str, column: str, lanes: int) -> str:
    """Numbers of rows 2 `row` and 2 `row` + 1, from a column on, side by side."""
    low, high = (
        word(
            widened(
                context,
                elements(f"{name}_t", f"{name}_places[2 * {row} + {i}] + {column}", lanes),
                lanes,
            ),
            lanes,
        )
        for i in (0, 1)
    )
    return pair(low, high, lanes)
