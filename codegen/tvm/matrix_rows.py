"""How rows and columns are put into the matrix unit's layout, in the thread's scratch.

Rows of a tile are copied as they lie, so that one that ends early, or whose rows lie apart, is none
of its own; their columns are filled up with zeros to a multiple of 32. Columns of a tile are rows
of the transposed one, in pairs of neighbours.
"""

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.matrix_unit import COLUMNS, SIDE
from attnc.codegen.tvm.micro import Visited
from attnc.codegen.tvm.pairs import as_real, pair
from attnc.codegen.tvm.stored import elements, widened, word
from attnc.codegen.tvm.transpose import emit_columns_from_rows, emit_transpose, transposed_names


def whole(count: int, block: int) -> int:
    """A count rounded up to whole blocks.

    >>> whole(33, 16)
    48
    """
    return -(-count // block) * block


def emit_owned_pairs(context: Context, name: str, columns: int, part: str) -> None:
    """Owned rows in pairs of columns: `part` [columns/2, owned]; the last row repeats."""
    out, rows = context.out, context.rows

    def read(row: str, column: str, lanes: int) -> str:
        place = f"{context.row_offset(name, row, held=True)} + 2 * {column}"
        return as_real(word(elements(f"{name}_t", place, 2 * lanes), lanes), lanes)

    out.line(f"# {part} [{columns} / 2, {context.owned.name} {rows}]")
    if columns > 1:
        emit_columns_from_rows(context, part, columns // 2, read)
    if columns % 2:
        with out.block(f"for r in range({rows}):"):
            last = f"{name}_t[{context.row_offset(name, 'r', held=True)} + {columns - 1}]"
            value = as_real(f"T.Cast('uint32', {last})")
            out.line(f"f[{part}_at + {columns // 2 * rows} + r] = {value}")
    emit_end(context, part, columns)


def emit_end(context: Context, part: str, columns: int) -> None:
    """Zeros in the pairs of columns of a part that fill up its last tile."""
    first, m = (columns + 1) // 2, context.machine
    rest = whole(columns, COLUMNS) // 2 - first
    if rest:
        with context.out.block(f"for i in range({rest * m.vectors}):"):
            place = context.part(part, f"{first * context.rows} + i * {m.lanes}")
            context.out.line(f"{place} = {m.real.constant(0.0, m.lanes)}")


def emit_rows(context: Context, operand: Visited, part: str) -> None:
    """The rows of tile `g` as they lie, with zeros up to a multiple of 32 columns."""
    out, m, name, count = context.out, context.machine, operand.name, operand.columns
    width = whole(count, COLUMNS) // 2
    with out.block(f"for j in range({m.keys}):"):
        row = context.geometry.row("row_first", "j")
        out.line(f"{name}_at: T.int64 = {operand.offset(context, row)}")
        first = 0
        while first < count // 2:
            lanes = min(m.lanes, 1 << ((count // 2 - first).bit_length() - 1))
            words = word(elements(f"{name}_t", f"{name}_at + {2 * first}", 2 * lanes), lanes)
            _store(context, part, first, lanes, as_real(words, lanes), width)
            first += lanes
        if count % 2:
            last = f"T.Cast('uint32', {name}_t[{name}_at + {count - 1}])"
            _store(context, part, first, 1, as_real(last), width)
            first += 1
        while first < width:
            lanes = 1 << ((width - first).bit_length() - 1)
            _store(context, part, first, lanes, context.real.constant(0.0, lanes), width)
            first += lanes


def _store(context: Context, part: str, first: int, lanes: int, numbers: str, width: int) -> None:
    row = f"(g * {context.machine.keys} + j)"
    place = elements("f", f"{part}_at + {row} * {width} + {first}", lanes)
    context.out.line(f"{place} = {numbers}")


def emit_columns(context: Context, operand: Visited, part: str) -> None:
    """The columns of tile `g`, in pairs of neighbouring rows: `part` [g, columns, rows/2]."""
    out, m, name, lanes = context.out, context.machine, operand.name, context.machine.lanes
    pairs, to = m.keys // 2, f"g * {whole(operand.columns, SIDE) * m.keys // 2}"
    out.line(f"{name}_places = T.alloc_buffer(({m.keys},), 'int64', {LOCAL})")
    with out.block(f"for j in range({m.keys}):"):
        row = context.geometry.row("row_first", "j")
        out.line(f"{name}_places[j] = {operand.offset(context, row)}")
    if operand.columns < lanes:
        each_pair, each_column = f"for j in range({pairs}):", f"for d in range({operand.columns}):"
        with out.block(each_pair), out.block(each_column):
            words = _pair(context, name, "j", "d", 1)
            out.line(f"f[{part}_at + {to} + d * {pairs} + j] = {words}")
        return
    with out.block(f"for block in range({-(-operand.columns // lanes)}):"):
        out.line(f"first: T.int32 = T.min(block * {lanes}, {operand.columns - lanes})")
        names = transposed_names(context)
        with out.block(f"for i in T.unroll({lanes}):"):
            out.line(f"{names[0]}[i] = {_pair(context, name, 'i', 'first', lanes)}")
        found = emit_transpose(context, names)
        with out.block(f"for i in T.unroll({lanes}):"):
            place = context.part(part, f"{to} + (first + i) * {pairs}")
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
