"""Operands and results change sides in registers: tensors have columns in a row, scratch has rows.

Blocks of as many rows as lanes are transposed in log2(lanes) stages. Each makes two registers one
of their even and one of their odd parts: halves of a register first, single numbers last. The last
block of columns overlaps the one before; fewer columns than lanes are moved one by one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL

Read = Callable[[str, str, int], str]
Write = Callable[[str, str, int, str], None]


def emit_columns_from_rows(context: Context, part: str, columns: int, read: Read) -> None:
    """A part [columns, owned]; `read(r, column, lanes)` are numbers of row r from a column on."""
    out, rows, lanes = context.out, context.rows, context.machine.lanes
    if columns < lanes:
        with _each_number(context, columns):
            out.line(f"f[{part}_at + d * {rows} + r] = {read('r', 'd', 1)}")
        return
    with out.block(f"for v in range({context.machine.vectors}):"), _each_block(context, columns):
        names = transposed_names(context)
        with out.block(f"for i in T.unroll({lanes}):"):
            out.line(f"{names[0]}[i] = {read(f'(v * {lanes} + i)', 'first', lanes)}")
        found = emit_transpose(context, names)
        with out.block(f"for i in T.unroll({lanes}):"):
            place = context.part(part, f"(first + i) * {rows} + v * {lanes}")
            out.line(f"{place} = {found}[i]")


def emit_rows_from_columns(
    context: Context, part: str, columns: int, write: Write, factor: str | None = None
) -> None:
    """The rows of a part [columns, owned], each number times that of its row in part `factor`.

    `write(r, column, lanes, text)` takes numbers of row r from a column on. Rows come in descending
    order, so that what is written for rows that do not exist may go where the last one will.
    """
    out, m, rows, lanes = context.out, context.machine, context.rows, context.machine.lanes

    def source(column: str, row: str, lanes: int) -> str:
        text = context.part(part, f"{column} * {rows} + {row}", lanes)
        return f"{text} * {context.part(factor, row, lanes)}" if factor else text

    if columns < lanes:
        with _each_number(context, columns):
            out.line(f"last: T.int32 = {rows - 1} - r")
            write("last", "d", 1, source("d", "last", 1))
        return
    with out.block(f"for turn in range({m.vectors}):"):
        out.line(f"v: T.int32 = {m.vectors - 1} - turn")
        with _each_block(context, columns):
            names = transposed_names(context)
            with out.block(f"for i in T.unroll({lanes}):"):
                out.line(f"{names[0]}[i] = {source('(first + i)', f'v * {lanes}', lanes)}")
            found = emit_transpose(context, names)
            with out.block(f"for i in T.unroll({lanes}):"):
                row = f"(v * {lanes} + {lanes - 1} - i)"
                write(row, "first", lanes, f"{found}[{lanes - 1} - i]")


def emit_zeros(context: Context, part: str) -> None:
    """Zeros in a part of whole vectors."""
    out, m = context.out, context.machine
    with out.block(f"for i in range({context.float_parts[part] // m.lanes}):"):
        out.line(f"{context.part(part, f'i * {m.lanes}')} = {m.real.constant(0.0, m.lanes)}")


@contextmanager
def _each_number(context: Context, columns: int) -> Iterator[None]:
    out = context.out
    with out.block(f"for r in range({context.rows}):"), out.block(f"for d in range({columns}):"):
        yield


@contextmanager
def _each_block(context: Context, columns: int) -> Iterator[None]:
    """A loop over blocks of columns, of which `first` is the first."""
    out, lanes = context.out, context.machine.lanes
    with out.block(f"for block in range({-(-columns // lanes)}):"):
        out.line(f"first: T.int32 = T.min(block * {lanes}, {columns - lanes})")
        yield


def transposed_names(context: Context) -> tuple[str, str]:
    """Two names of as many registers as lanes."""
    out, m = context.out, context.machine
    names = out.fresh("x"), out.fresh("x")
    kind = f"'{m.real.vector(m.lanes)}'"
    out.line(*(f"{name} = T.alloc_buffer(({m.lanes},), {kind}, {LOCAL})" for name in names))
    return names


def emit_transpose(context: Context, names: tuple[str, str]) -> str:
    """Transpose the registers of the first name; returns the name that holds the result."""
    out, lanes = context.out, context.machine.lanes
    (now, other), size = names, lanes // 2
    while size:
        group = lanes // (2 * size)  # rows in a register by now
        first = f"i // {group} * {2 * group} + i % {group}"
        pair = f"[{now}[{first}], {now}[{first} + {group}]]"
        with out.block(f"for i in T.unroll({lanes // 2}):"):
            for odd in (0, 1):
                shuffled = f"T.Shuffle({pair}, {parts(lanes, size, odd)})"
                out.line(f"{other}[2 * i + {odd}] = {shuffled}")
        now, other, size = other, now, size // 2
    return now


def parts(lanes: int, size: int, odd: int) -> list[int]:
    """The lanes of two registers that lie in their even, or odd, parts of a size.

    >>> parts(4, 2, 0), parts(4, 1, 1)
    ([0, 1, 4, 5], [1, 3, 5, 7])
    """
    return [i for i in range(2 * lanes) if i // size % 2 == odd]


def fold_lanes(context: Context, values: list[str], combine: str) -> str:
    """A vector whose lane i combines the lanes of value i, of as many values as lanes."""
    size = lanes = context.machine.lanes
    while len(values) > 1:
        size //= 2
        low, high = (parts(lanes, size, odd) for odd in (0, 1))
        values = [
            context.out.bind(
                "h",
                combine.format(f"T.Shuffle([{a}, {b}], {low})", f"T.Shuffle([{a}, {b}], {high})"),
            )
            for a, b in zip(values[::2], values[1::2], strict=True)
        ]
    return values[0]
