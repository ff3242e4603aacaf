"""The product that adds to visited rows in memory: dQ from dS and K.

Here the columns lie in the lanes: a number of the weights meets vectors of an owned row, and the
accumulators are rows of the target.
"""

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.micro import LOCAL


def padded(columns: int, lanes: int) -> int:
    """Columns rounded up to whole vectors."""
    return -(-columns // lanes) * lanes


def emit_spread(context: Context, weights: str, owned: str, target: str, columns: int) -> None:
    """`target` [visited, columns] += `weights` [visited, owned] . `owned` [owned, columns].

    The rows of the target are contiguous vectors, padded as the owned rows are.
    """
    out, m = context.out, context.machine
    names = (context.visited.name, context.owned.name)
    width = padded(columns, m.lanes)
    out.line(
        f"# {target} [{names[0]}, d {columns}] += {weights} [{names[0]}, {names[1]}]"
        f" . {owned} [{names[1]}, d]"
    )
    vectors = width // m.lanes
    blocks = -(-vectors // m.vectors)
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.geometry.first(context, 'list_at + g')}")
        first = 0
        for block in range(blocks):
            count = (vectors - first) // (blocks - block)
            _emit_block(context, (weights, owned, target), width, first, count)
            first += count


def _emit_block(
    context: Context, names: tuple[str, str, str], width: int, first: int, count: int
) -> None:
    """`count` vectors of columns from vector `first` on, of all rows of one tile."""
    out, m, rows = context.out, context.machine, context.rows
    weights, owned, target = names
    kind, lie = f"'{m.real.vector(m.lanes)}'", context.geometry
    last = lie.last(context.visited)

    def place(i: int) -> str:
        held = lie.tensor_row(f"T.min({lie.row('row_first', i)}, {last})")
        row = f"T.Cast('int64', {held}) * {target}_s2"
        column = f"{first * m.lanes} + v * {m.lanes}"
        return f"{target}_t[T.ramp({target}_base + {row} + {column}, 1, {m.lanes})]"

    out.line(
        *(f"a{first}_{i} = T.alloc_buffer(({count},), {kind}, {LOCAL})" for i in range(m.keys))
    )
    with out.block(f"for v in T.unroll({count}):"):
        out.line(*(f"a{first}_{i}[v] = {m.real.constant(0.0, m.lanes)}" for i in range(m.keys)))
    with out.block(f"for r in range({rows}):"):
        for i in range(m.keys):
            weight = f"f[{weights}_at + (g * {m.keys} + {i}) * {rows} + r]"
            for v in range(count):
                vector = context.part(owned, f"r * {width} + {(first + v) * m.lanes}")
                sums = f"a{first}_{i}[{v}]"
                out.line(f"{sums} = {sums} + T.broadcast({weight}, {m.lanes}) * {vector}")
    for i in range(m.keys):
        with (
            out.block(f"if {lie.row('row_first', i)} <= {last}:"),
            out.block(f"for v in T.unroll({count}):"),
        ):
            out.line(f"{place(i)} = {place(i)} + a{first}_{i}[v]")
