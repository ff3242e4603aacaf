"""The products of tiles with few rows: columns in the lanes, so that each key is one wide read.

`emit_dot` keeps a register of partial sums for each pair of a row and a key, and adds up the lanes
of as many registers as there are lanes in a tree of shuffles. `emit_accumulate` holds all columns
of some rows in registers. The cost of a call with few queries is reading keys and values, once and
in order, so both ask for the rows of a later tile while they work on this one.
"""

from dataclasses import dataclass

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.micro import LOCAL, Visited
from attnc.codegen.tvm.prefetch import emit_later, emit_prefetch
from attnc.codegen.tvm.stored import elements, rounded, widened
from attnc.codegen.tvm.transpose import parts


@dataclass(frozen=True, slots=True)
class Blocks:
    """Columns cut into blocks of one register each; the last block overlaps the one before.

    In scratch the blocks lie side by side; the columns that the last block repeats are zero in the
    query, so that they count once, and are stored twice from the output.
    """

    columns: int
    lanes: int

    @property
    def count(self) -> int:
        """The number of blocks."""
        return -(-self.columns // self.lanes)

    @property
    def width(self) -> int:
        """Numbers of a row in scratch."""
        return self.count * self.lanes

    def first(self, block: str | int) -> str:
        """The first column of a block."""
        if isinstance(block, int):
            return str(min(block * self.lanes, self.columns - self.lanes))
        return f"T.min({block} * {self.lanes}, {self.columns - self.lanes})"


def emit_query(context: Context, factor: str) -> None:
    """The query tile [q, d] times `factor`; rows beyond the tile's own repeat its last query."""
    out, placement = context.out, context.placement
    blocks = Blocks(context.head_dim, placement.lanes)
    out.line(f"# query [q {placement.rows}, d {context.head_dim}], scaled")
    with out.block(f"for r in range({placement.rows}):"):
        out.line(f"q_at: T.int64 = {context.row_offset('q', 'r', held=True)}")
        with out.block(f"for block in range({blocks.count}):"):
            out.line(f"first: T.int32 = {blocks.first('block')}")
            with out.block(f"for d in range({placement.lanes}):"):
                fresh = f"first + d >= block * {placement.lanes}"
                value = f"{widened(context, 'q_t[q_at + first + d]')} * {factor}"
                place = f"query_at + (r * {blocks.count} + block) * {placement.lanes} + d"
                zero = context.real.constant(0.0)
                out.line(f"f[{place}] = T.Select({fresh}, {value}, {zero})")


def emit_dot(context: Context, operand: Visited, target: str) -> None:
    """Of the tiles of a chunk: `target` [k, q] = operand . query [q, columns]^T."""
    out, m, placement, name = context.out, context.machine, context.placement, operand.name
    blocks, rows = Blocks(operand.columns, m.lanes), placement.rows
    out.line(
        f"# {target} [k {m.keys}, q {rows}]"
        f" = {name} [k, {operand.axis} {operand.columns}] . query [q, {operand.axis}]"
    )
    with out.block("for g in range(tiles_now):"):
        _emit_tile(context, operand)
        with out.block(f"for j in range({m.keys // placement.abreast}):"):
            for i in range(placement.abreast):
                row = f"(j * {placement.abreast} + {i})"
                out.line(f"{name}_{i}: T.int64 = {_held(operand, row)}")
                emit_prefetch(context, name, row, range(operand.columns))
            sums = [f"a{i}[0]" for i in range(m.lanes)]
            _emit_sums(context, m.lanes)
            with out.block(f"for d in range({blocks.count}):"):
                out.line(f"d_first: T.int32 = {blocks.first('d')}")
                for r in range(rows):
                    vector = context.part("query", f"{r * blocks.width} + d * {m.lanes}")
                    out.line(f"q_{r}: T.let = {vector}")
                for i in range(placement.abreast):
                    numbers = elements(f"{name}_t", f"{name}_{i} + d_first", m.lanes)
                    out.line(f"x_{i}: T.let = {widened(context, numbers, m.lanes)}")
                    for r in range(rows):
                        total = sums[i * rows + r]
                        out.line(f"{total} = {total} + x_{i} * q_{r}")
            step = f"(g * {m.keys // placement.abreast} + j) * {m.lanes}"
            out.line(f"{context.part(target, step)} = {_add_lanes(context, sums)}")


def emit_accumulate(
    context: Context, operand: Visited, weights: str, target: str, rescale: str
) -> None:
    """`target` [q, columns] (times `rescale`) += `weights` [k, q]^T . operand.

    Over the tiles of a chunk, with the columns of as many rows as fit into registers.
    """
    out, placement = context.out, context.placement
    blocks = Blocks(operand.columns, placement.lanes)
    out.line(
        f"# {target} [q {placement.rows}, {operand.axis} {operand.columns}]"
        f" += {weights} [k, q]^T . {operand.name} [k, {operand.axis}]"
    )
    together = max(
        1, min(placement.rows, 1 << (max(1, placement.sums // blocks.count).bit_length() - 1))
    )
    product = _Accumulation(context, operand, weights, target, rescale, together)
    product.emit("0", ask=True)
    if placement.rows > together:
        with out.block(f"for turn in range({placement.rows // together - 1}):"):
            out.line("group: T.int32 = turn + 1")
            product.emit("group")


@dataclass(frozen=True, slots=True)
class _Accumulation:
    """Groups of `together` rows, a part of the columns at a time where all are too many."""

    context: Context
    operand: Visited
    weights: str
    target: str
    rescale: str
    together: int

    def emit(self, group: str, ask: bool = False) -> None:
        """All columns of a group; `ask` for later rows, once for all groups."""
        sums, count = self.context.placement.sums, Blocks(self.operand.columns, self.lanes).count
        for first in range(0, count, sums):
            self._part(group, range(first, min(first + sums, count)), ask)

    @property
    def lanes(self) -> int:
        return self.context.placement.lanes

    def _part(self, group: str, some: range, ask: bool) -> None:
        context, operand, name = self.context, self.operand, self.operand.name
        out, m, placement, rows = context.out, context.machine, context.placement, self.together
        blocks = Blocks(operand.columns, m.lanes)

        def target(r: int, block: int) -> str:
            row = f"({group} * {rows} + {r}) * {blocks.width}"
            return context.part(self.target, f"{row} + {block * m.lanes}")

        sums = {(r, b): f"a{r * len(some) + i}[0]" for r in range(rows) for i, b in enumerate(some)}
        factors = [f"f[{self.rescale}_at + {group} * {rows} + {r}]" for r in range(rows)]
        starts = [f"{target(r, b)} * T.broadcast({factors[r]}, {m.lanes})" for r, b in sums]
        _emit_sums(context, len(sums), starts)
        with out.block("for g in range(tiles_now):"):
            _emit_tile(context, operand)
            with out.block(f"for j in range({m.keys}):"):
                out.line(f"{name}_at: T.int64 = {_held(operand, 'j')}")
                if ask:
                    first, end = some.start * m.lanes, some.stop * m.lanes
                    emit_prefetch(context, name, "j", range(first, min(end, operand.columns)))
                for r in range(rows):
                    place = f"{self.weights}_at + (g * {m.keys} + j) * {placement.rows}"
                    weight = f"f[{place} + {group} * {rows} + {r}]"
                    out.line(f"w_{r}: T.let = T.broadcast({weight}, {m.lanes})")
                for b in some:
                    numbers = elements(f"{name}_t", f"{name}_at + {blocks.first(b)}", m.lanes)
                    out.line(f"x_{b}: T.let = {widened(context, numbers, m.lanes)}")
                    for r in range(rows):
                        out.line(f"{sums[r, b]} = {sums[r, b]} + x_{b} * w_{r}")
        out.line(*(f"{target(r, b)} = {total}" for (r, b), total in sums.items()))


def emit_store(context: Context, row: str, store: str) -> None:
    """The columns of an output row times `inverse`, to `store` from its offset `out_at` on."""
    out, lanes = context.out, context.machine.lanes
    blocks = Blocks(context.value_dim, lanes)
    with out.block(f"for block in range({blocks.count}):"):
        out.line(f"first: T.int32 = {blocks.first('block')}")
        with out.block(f"for d in range({lanes}):"):
            value = f"f[output_at + ({row} * {blocks.count} + block) * {lanes} + d] * inverse"
            if store == "out_t":
                value = rounded(context, f"({value})")
            out.line(f"{store}[out_at + first + d] = {value}")


def fold(context: Context, value: str, combine: str) -> None:
    """Combine the lanes of the same row in a one-element buffer, so that all of them agree."""
    lanes, step = context.placement.lanes, context.placement.rows
    while step < lanes:
        turned = [(i + step) % lanes for i in range(lanes)]
        other = f"T.Shuffle([{value}], {turned})"
        context.out.line(f"{value} = {combine.format(value, other)}")
        step *= 2


def _emit_sums(context: Context, count: int, starts: list[str] | None = None) -> None:
    """Accumulators `a0`, `a1`, ..., zero or with their own start."""
    m = context.machine
    kind = f"'{m.real.vector(m.lanes)}'"
    starts = starts or [m.real.constant(0.0, m.lanes)] * count
    for i, start in enumerate(starts):
        context.out.line(f"a{i} = T.alloc_buffer((1,), {kind}, {LOCAL})", f"a{i}[0] = {start}")


def _add_lanes(context: Context, values: list[str]) -> str:
    """A vector whose lane i is the sum of the lanes of value i, of as many values as lanes."""
    size = lanes = context.machine.lanes
    while len(values) > 1:
        size //= 2
        low, high = (parts(lanes, size, odd) for odd in (0, 1))
        values = [
            context.out.bind("h", f"T.Shuffle([{a}, {b}], {low}) + T.Shuffle([{a}, {b}], {high})")
            for a, b in zip(values[::2], values[1::2], strict=True)
        ]
    return values[0]


def _emit_tile(context: Context, operand: Visited) -> None:
    """Where tile `g` of the chunk begins, the last row, and a tile visited a little later."""
    name, keys = operand.name, context.machine.keys
    rows = {
        "first": f"{context.list_name}[list_at + g] * {keys}",
        "last": f"{context.visited.length} - 1",
    }
    for word, row in rows.items():
        offset = f"{name}_base + T.Cast('int64', {row}) * {name}_s2"
        context.out.line(f"{name}_{word}: T.int64 = {offset}")
    emit_later(context, name)


def _held(operand: Visited, row: str) -> str:
    """Where a row of the tile begins; the last row is read in place of missing ones."""
    name = operand.name
    return f"T.min({name}_first + {row} * {name}_s2, {name}_last)"
