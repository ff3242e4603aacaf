"""The product that adds to visited rows in memory: dQ from dS and K, outputs from weights and V.

Here the columns lie in the lanes: a number of the weights meets vectors of an owned row, and the
accumulators are rows of the target.
"""

from collections.abc import Callable
from dataclasses import dataclass

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.prefetch import emit_scratch_soon


def padded(columns: int, lanes: int) -> int:
    """Columns rounded up to whole vectors."""
    return -(-columns // lanes) * lanes


def emit_owned_rows(
    context: Context, part: str, columns: int, read: Callable[[str, str, int], str]
) -> None:
    """The owned rows as rows of whole vectors: columns, then zeros.

    `read(r, column, lanes)` are numbers of row r from a column on.
    """
    out, lanes = context.out, context.machine.lanes
    width, whole = padded(columns, lanes), columns // lanes * lanes
    out.line(f"# {part} [{context.owned.name} {context.rows}, {width}]")
    with out.block(f"for r in range({context.rows}):"):
        for first in range(0, whole, lanes):
            place = context.part(part, f"r * {width} + {first}")
            out.line(f"{place} = {read('r', str(first), lanes)}")
        for column in range(whole, width):
            inside = column < columns
            value = read("r", str(column), 1) if inside else context.real.constant(0.0)
            out.line(f"{context.part(part, f'r * {width} + {column}', 1)} = {value}")


@dataclass(frozen=True, slots=True)
class Target:
    """Rows that a product adds to; `place(row)` is where a visited row begins in `buffer`.

    Before, row i of tile g is multiplied by the number `factor(i)`, if there is one.
    """

    buffer: str
    place: Callable[[str], str]
    factor: Callable[[int], str] | None = None


def emit_spread(
    context: Context, weights: str, owned: str, columns: int, target: Target, name: str
) -> None:
    """`name` [visited, columns] += `weights` [visited, owned] . `owned` [owned, columns].

    The rows of the target are contiguous vectors, padded as the owned rows are.
    """
    out, m = context.out, context.machine
    sides = (context.visited.name, context.owned.name)
    width = padded(columns, m.lanes)
    out.line(
        f"# {name} [{sides[0]}, {columns}] += {weights} [{sides[0]}, {sides[1]}]"
        f" . {owned} [{sides[1]}, {columns}]"
    )
    vectors = width // m.lanes
    blocks = -(-vectors // m.vectors)
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.geometry.first(context, 'list_at + g')}")
        if target.factor:  # the rows are needed in the end
            for i in range(m.keys):
                emit_scratch_soon(
                    context, target.place(context.geometry.row("row_first", i)), width
                )
        first = 0
        for block in range(blocks):
            count = (vectors - first) // (blocks - block)
            _emit_block(context, (weights, owned), target, width, range(first, first + count))
            first += count


def _emit_block(
    context: Context, names: tuple[str, str], target: Target, width: int, some: range
) -> None:
    """Some vectors of columns of all rows of one tile."""
    out, m, rows = context.out, context.machine, context.rows
    weights, owned = names
    kind, lie = f"'{m.real.vector(m.lanes)}'", context.geometry
    last = lie.last(context.visited)
    sums = [f"a{some.start}_{i}" for i in range(m.keys)]
    out.line(*(f"{one} = T.alloc_buffer(({len(some)},), {kind}, {LOCAL})" for one in sums))
    with out.block(f"for v in T.unroll({len(some)}):"):
        out.line(*(f"{one}[v] = {m.real.constant(0.0, m.lanes)}" for one in sums))
    with out.block(f"for r in range({rows}):"):
        for i, one in enumerate(sums):
            weight = f"f[{weights}_at + (g * {m.keys} + {i}) * {rows} + r]"
            for v, vector in enumerate(some):
                number = context.part(owned, f"r * {width} + {vector * m.lanes}")
                out.line(f"{one}[{v}] = {one}[{v}] + T.broadcast({weight}, {m.lanes}) * {number}")
    for i, one in enumerate(sums):
        row = out.bind("row", lie.row("row_first", i))
        with out.block(f"if {row} <= {last}:"):
            out.line(f"at: T.int64 = {target.place(row)} + {some.start * m.lanes}")
            place = f"{target.buffer}[T.ramp(at + v * {m.lanes}, 1, {m.lanes})]"
            factor = f" * T.broadcast({target.factor(i)}, {m.lanes})" if target.factor else ""
            with out.block(f"for v in T.unroll({len(some)}):"):
                out.line(f"{place} = {place}{factor} + {one}[v]")
