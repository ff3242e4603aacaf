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
from attnc.codegen.tvm.matrix_rows import emit_columns, emit_rows, whole
from attnc.codegen.tvm.matrix_unit import BYTES, COLUMNS, CONFIGURATION, NAME, SIDE, functions
from attnc.codegen.tvm.micro import Visited
from attnc.codegen.tvm.pairs import as_real
from attnc.codegen.tvm.stored import number

UNIT = {"configuration": len(CONFIGURATION), "before": len(CONFIGURATION)}


def matrix_parts(context: Context) -> dict[str, int]:
    """The float scratch of a thread, maximum, sum and rescale factors apart."""
    rows, m = context.rows, context.machine
    columns, values = whole(context.head_dim, COLUMNS), whole(context.value_dim, SIDE)
    keys = m.chunk * m.keys
    return {
        "query": columns // 2 * rows,
        "scores": keys * context.abreast * m.lanes,
        "output": values * rows,
        "key_rows": keys * columns // 2,
        "columns": values * keys // 2,
        "rise": m.lanes,
    } | UNIT


@contextmanager
def emit_unit(context: Context) -> Iterator[None]:
    """The matrix unit configured for what is written inside, and afterwards as it was."""
    out = context.out
    with out.block(f"with T.attr(0, 'pragma_import_llvm', {functions()!r}):"):
        for i, bits in enumerate(CONFIGURATION):
            value = as_real(number(bits)) if bits else "T.float32(0)"
            out.line(f"f[configuration_at + {i}] = {value}")
        _call(context, "begin", "f[before_at]", "f[configuration_at]")
        yield
        _call(context, "end", "f[before_at]")


@contextmanager
def emit_blocks(context: Context, keys: Visited, values: Visited) -> Iterator[None]:
    """Rows of keys and columns of values of a chunk, and a loop over `block`s of the query's rows.

    A block is as wide as a block of tiles, so that what is done with it stays in the first cache.
    """
    out = context.out
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.geometry.first(context, 'list_at + g')}")
        emit_rows(context, keys, "key_rows")
        emit_columns(context, values, "columns")
    with out.block(f"for block in range({context.machine.vectors // context.abreast}):"):
        out.line(f"first_row: T.int32 = block * {context.abreast * context.machine.lanes}")
        yield


def emit_scores(context: Context, operand: Visited) -> None:
    """Of the tiles of a chunk: `scores` [visited, block] = operand . `query` [columns/2, block]."""
    m = context.machine
    emit_dot(context, operand, "key_rows", "query", "scores")
    if not context.late_scale:
        with context.out.block(f"for i in range(tiles_now * {m.keys * context.abreast}):"):
            score = context.part("scores", f"i * {m.lanes}")
            context.out.line(f"{score} = {score} * T.broadcast(score_scale, {m.lanes})")


def emit_dot(context: Context, operand: Visited, copy: str, owned: str, target: str) -> None:
    """Of the tiles of a chunk: `target` [visited, block] = `copy` . `owned` [columns/2, block].

    `copy` are the operand's rows.
    """
    out, m, rows, across = context.out, context.machine, context.rows, context.abreast
    width, block = whole(operand.columns, COLUMNS), across * m.lanes
    names, axis = (context.visited.name, context.owned.name), operand.axis
    out.line(
        f"# {target} [{names[0]} {m.keys}, {names[1]} {block}]"
        f" = {operand.name} [{names[0]}, {axis} {width}] . {owned} [{axis}, {names[1]}]"
    )
    with out.block("for g in range(tiles_now):"):
        for row, vector, shape in tile_blocks(m.keys // SIDE, across):
            visited = f"(g * {m.keys} + {row * SIDE})"
            emit_product(
                context,
                shape,
                (f"f[{target}_at + {visited} * {block} + {vector * m.lanes}]", 4 * block),
                (f"f[{copy}_at + {visited} * {width // 2}]", 2 * width),
                (f"f[{owned}_at + first_row + {vector * m.lanes}]", 4 * rows),
                (BYTES, 4 * rows * SIDE),
                f"T.int64({width // COLUMNS})",
                fresh=True,
            )


def emit_accumulate(
    context: Context, operand: Visited, columns: str, weights: str, target: str
) -> None:
    """`target` [columns, block] += `columns` . `weights` [visited/2, block].

    `columns` are the operand's, `weights` in pairs of visited rows.
    """
    m, rows, across = context.machine, context.rows, context.abreast
    block, pairs, count = across * m.lanes, m.keys // 2, operand.columns
    names, axis = (context.visited.name, context.owned.name), operand.axis
    context.out.line(
        f"# {target} [{axis} {count}, {names[1]} {block}]"
        f" += {operand.name} [{names[0]}, {axis}]^T . {weights} [{names[0]}, {names[1]}]"
    )
    for row, vector, shape in tile_blocks(-(-count // SIDE), across):
        emit_product(
            context,
            shape,
            (f"f[{target}_at + first_row + {row * SIDE * rows + vector * m.lanes}]", 4 * rows),
            (f"f[{columns}_at + {row * SIDE * pairs}]", 4 * pairs),
            (f"f[{weights}_at + {vector * m.lanes}]", 4 * block),
            (4 * pairs * whole(count, SIDE), 4 * pairs * block),
            "T.Cast('int64', tiles_now)",
            fresh=False,
        )


def tile_blocks(rows: int, columns: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Blocks of two by two tiles, which fit into the registers with their operands.

    The first row and column of each, counted in tiles, and its shape.
    """
    for row in range(0, rows, 2):
        for column in range(0, columns, 2):
            yield row, column, (min(2, rows - row), min(2, columns - column))


Matrix = tuple[str, int]  # its first number, and the bytes from row to row


def emit_product(
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
    """A call of a function of the unit; elements of buffers are passed as addresses."""
    given = (f"T.address_of({a})" if a.endswith("]") else a for a in arguments)
    text = f"T.call_extern('int32', '{NAME}_{function}', {', '.join(given)})"
    context.out.line(f"T.evaluate({text})")
