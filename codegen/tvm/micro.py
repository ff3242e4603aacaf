"""The register-tiled products, with the rows of the owned tile in the lanes of vector registers.

`emit_dot` contracts columns (scores from queries and keys), `emit_accumulate` contracts the visited
rows (outputs from weights and values). Both read the visited operand in place, one broadcast
number at a time, and each number meets `vectors` registers of owned rows. One accumulator is a
small local buffer per row, so that LLVM keeps it in registers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.prefetch import emit_gathered, emit_later, emit_next_unit, emit_prefetch
from attnc.codegen.tvm.stored import elements, widened


@dataclass(frozen=True, slots=True)
class Visited:
    """A tensor whose visited rows a product reads in place; its columns are the axis `d` or `v`."""

    name: str
    columns: int
    axis: str

    def offset(self, context: Context, row: str) -> str:
        """Where a row begins; the last row is read in place of missing ones."""
        lie = context.geometry
        held = lie.tensor_row(f"T.min({row}, {lie.last(context.visited)})")
        return f"{self.name}_base + T.Cast('int64', {held}) * {self.name}_s2"

    def read(self, context: Context, row: int | str) -> str:
        """Where row `row` of tile `g` of a chunk is read: in place, or from its copy."""
        if context.widens:
            return f"wide_at + (g * {context.machine.keys} + {row}) * {self.columns}"
        return self.offset(context, context.geometry.row("row_first", row))

    def buffer(self, context: Context) -> str:
        """What `read` gives a place of."""
        return "f" if context.widens else f"{self.name}_t"


def visited_operand(context: Context, name: str) -> Visited:
    """Queries, or the gradients of their outputs, as a kernel that owns keys visits them."""
    if name == "q":
        return Visited("q", context.head_dim, "d")
    return Visited(name, context.value_dim, "v")


def emit_widened(context: Context, operand: Visited) -> None:
    """Copy the rows of a chunk's tiles in the type of the arithmetic, where theirs is another."""
    if not context.widens:
        return
    out, m, name = context.out, context.machine, operand.name
    out.line(f"# wide [{context.visited.name}, {operand.axis} {operand.columns}] = {name}")
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.geometry.first(context, 'list_at + g')}")
        with out.block(f"for j in range({m.keys}):"):
            row = context.geometry.row("row_first", "j")
            out.line(
                f"{name}_at: T.int64 = {operand.offset(context, row)}",
                f"to: T.int64 = {operand.read(context, 'j')}",
            )
            for lanes, column in emit_column_vectors(context, operand.columns):
                wide = widened(
                    context, elements(f"{name}_t", f"{name}_at + {column}", lanes), lanes
                )
                out.line(f"{elements('f', f'to + {column}', lanes)} = {wide}")


def emit_column_vectors(context: Context, columns: int) -> Iterator[tuple[int, str]]:
    """Loops over the columns, a vector at a time and then one by one: lanes, first column."""
    lanes = context.machine.lanes
    whole = columns // lanes * lanes
    if whole:
        with context.out.block(f"for b in range({whole // lanes}):"):
            yield lanes, f"b * {lanes}"
    if columns > whole:
        with context.out.block(f"for b in range({columns - whole}):"):
            yield 1, f"{whole} + b"


def emit_dot(
    context: Context, operand: Visited, owned: str, target: str, beside: Visited | None = None
) -> None:
    """Of the tiles of a chunk: `target` [visited, owned] = operand . `owned` [columns, owned].

    The rows of `beside` are needed next: those of a later tile are asked for here, as those of
    the operand.
    """
    out, m, rows, name = context.out, context.machine, context.rows, operand.name
    visited, lanes, columns = context.visited.name, context.owned.name, operand.columns
    buffer = operand.buffer(context)
    emit_widened(context, operand)
    out.line(
        f"# {target} [{visited} {m.keys}, {lanes} {rows}]"
        f" = {name} [{visited}, {operand.axis} {columns}] . {owned} [{operand.axis}, {lanes}]"
    )
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.geometry.first(context, 'list_at + g')}")
        for i in range(m.keys):
            out.line(f"{name}_{i}: T.int64 = {operand.read(context, i)}")
        beside = None if context.gathered else beside
        ahead = [operand, beside] if beside is not None else []
        for one in ahead:
            emit_later(context, one.name)
        if context.gathered and name == "q":
            emit_gathered(context)
        if beside is not None:
            emit_next_unit(context)
        zero = m.real.constant(0.0, m.lanes)
        sums = emit_accumulators(context, target, m.keys, lambda i, v: zero)
        with _over_columns(context, columns, ahead):
            for i in range(m.keys):
                for v in range(m.vectors):
                    vector = context.part(owned, f"d * {rows} + {v * m.lanes}")
                    number = f"T.broadcast({buffer}[{name}_{i} + d], {m.lanes})"
                    out.line(f"{sums[i]}[{v}] = {sums[i]}[{v}] + {number} * {vector}")
        with out.block(f"for v in T.unroll({m.vectors}):"):
            for i in range(m.keys):
                place = context.part(target, f"(g * {m.keys} + {i}) * {rows} + v * {m.lanes}")
                out.line(f"{place} = {sums[i]}[v]")


@contextmanager
def _over_columns(context: Context, columns: int, ahead: list[Visited]) -> Iterator[None]:
    """A loop over columns `d`, which asks for a row of a later tile now and then."""
    out, keys = context.out, context.machine.keys
    if not ahead or columns % keys:
        with out.block(f"for d in range({columns}):"):
            yield
        return
    with out.block(f"for j in range({keys}):"):
        for one in ahead:
            emit_prefetch(context, one.name, "j", range(one.columns))
        with out.block(f"for step in range({columns // keys}):"):
            out.line(f"d: T.int32 = j * {columns // keys} + step")
            yield


def emit_accumulate(
    context: Context, operand: Visited, weights: str, target: str, rescale: str | None = None
) -> None:
    """`target` [columns, owned] (times `rescale`) += operand^T . `weights` [visited, owned].

    A block of columns at a time, over the tiles of a chunk.
    """
    out, m = context.out, context.machine
    visited, lanes, columns = context.visited.name, context.owned.name, operand.columns
    emit_widened(context, operand)
    out.line(
        f"# {target} [{operand.axis} {columns}, {lanes} {context.rows}]"
        f" += {operand.name} [{visited}, {operand.axis}]^T . {weights} [{visited}, {lanes}]"
    )
    emit_places(context, operand)
    product = _Columns(context, operand, weights, target, rescale)
    blocks, rest = divmod(columns, m.keys)
    if blocks:
        with out.block(f"for column in range({blocks}):"):
            product.emit(f"column * {m.keys}", m.keys)
    if rest:
        product.emit(str(blocks * m.keys), rest)


def emit_places(context: Context, operand: Visited) -> None:
    """Where the rows of a chunk begin, once for all blocks of columns that read them."""
    out, keys, name = context.out, context.machine.keys, operand.name
    size = context.machine.chunk * keys
    out.line(f"{name}_places = T.alloc_buffer(({size},), 'int64', {LOCAL})")
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.geometry.first(context, 'list_at + g')}")
        with out.block(f"for j in range({keys}):"):
            out.line(f"{name}_places[g * {keys} + j] = {operand.read(context, 'j')}")


@dataclass(frozen=True, slots=True)
class _Columns:
    """One block of columns of an accumulation."""

    context: Context
    operand: Visited
    weights: str
    target: str
    rescale: str | None

    def emit(self, first: str, count: int) -> None:
        context, name = self.context, self.operand.name
        buffer = self.operand.buffer(context)
        out, m, rows = context.out, context.machine, context.rows

        def target(i: int) -> str:
            return context.part(self.target, f"({first} + {i}) * {rows} + v * {m.lanes}")

        factor = f" * {context.part(self.rescale, f'v * {m.lanes}')}" if self.rescale else ""
        sums = emit_accumulators(context, self.target, count, lambda i, v: f"{target(i)}{factor}")
        with out.block("for g in range(tiles_now):"), out.block(f"for j in range({m.keys}):"):
            at = f"{name}_places[g * {m.keys} + j]"
            out.line(f"{name}_at: T.int64 = {at} + {first}")
            for i in range(count):
                for v in range(m.vectors):
                    place = f"(g * {m.keys} + j) * {rows} + {v * m.lanes}"
                    number = f"T.broadcast({buffer}[{name}_at + {i}], {m.lanes})"
                    weight = context.part(self.weights, place)
                    out.line(f"{sums[i]}[{v}] = {sums[i]}[{v}] + {number} * {weight}")
        with out.block(f"for v in T.unroll({m.vectors}):"):
            out.line(*(f"{target(i)} = {sums[i]}[v]" for i in range(count)))


def emit_accumulators(
    context: Context, target: str, count: int, start: Callable[[int, str], str]
) -> list[str]:
    """Registers for `count` rows of vectors of a target; returns their names."""
    out, m = context.out, context.machine
    kind, names = f"'{m.real.vector(m.lanes)}'", [f"{target}{i}" for i in range(count)]
    out.line(*(f"{name} = T.alloc_buffer(({m.vectors},), {kind}, {LOCAL})" for name in names))
    with out.block(f"for v in T.unroll({m.vectors}):"):
        out.line(*(f"{name}[v] = {start(i, 'v')}" for i, name in enumerate(names)))
    return names
