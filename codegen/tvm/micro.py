"""The two register-tiled products: scores from queries and keys, outputs from weights and values.

Queries sit in the lanes of vector registers. One accumulator is a small local buffer per row, so
that LLVM keeps it in registers; each broadcast number meets `vectors` registers of queries.
"""

from collections.abc import Callable

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.exponential import constant

LOCAL = "scope='local', annotations={'disable_lower_builtin': True}"


def emit_scores(context: Context) -> None:
    """Scores of the key tiles of a chunk; the last key is read in place of missing ones."""
    out, m, rows = context.out, context.machine, context.rows
    out.line(f"# scores [k {m.keys}, q {rows}] = keys [k, d {context.head_dim}] . query [d, q]")
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.list_name}[list_at + g] * {m.keys}")
        for i in range(m.keys):
            row = f"T.min(row_first + {i}, k_len - 1)"
            out.line(f"k_{i}: T.int64 = k_base + T.Cast('int64', {row}) * k_s2")
        _accumulators(context, m.keys, lambda i, v: constant(0.0, m.lanes))
        with out.block(f"for d in range({context.head_dim}):"):
            for i in range(m.keys):
                for v in range(m.vectors):
                    query = context.part("query", f"d * {rows} + {v * m.lanes}")
                    out.line(
                        f"a{i}[{v}] = a{i}[{v}] + T.broadcast(k_t[k_{i} + d], {m.lanes}) * {query}"
                    )
        with out.block(f"for v in T.unroll({m.vectors}):"):
            for i in range(m.keys):
                place = context.part("scores", f"(g * {m.keys} + {i}) * {rows} + v * {m.lanes}")
                out.line(f"{place} = a{i}[v]")


def emit_accumulate(context: Context) -> None:
    """Rescale the output and add the chunk's weighted values, a block of columns at a time."""
    out, m = context.out, context.machine
    out.line(
        f"# output [v {context.value_dim}, q {context.rows}] += values [k, v]^T . weights [k, q]"
    )
    blocks, rest = divmod(context.value_dim, m.keys)
    if blocks:
        with out.block(f"for column in range({blocks}):"):
            _columns(context, f"column * {m.keys}", m.keys)
    if rest:
        _columns(context, str(blocks * m.keys), rest)


def _columns(context: Context, first: str, count: int) -> None:
    out, m, rows = context.out, context.machine, context.rows

    def output(i: int) -> str:
        return context.part("output", f"({first} + {i}) * {rows} + v * {m.lanes}")

    rescale = context.part("rescale", f"v * {m.lanes}")
    _accumulators(context, count, lambda i, v: f"{output(i)} * {rescale}")
    with out.block("for g in range(tiles_now):"):
        out.line(f"row_first: T.int32 = {context.list_name}[list_at + g] * {m.keys}")
        with out.block(f"for j in range({m.keys}):"):
            row = "T.min(row_first + j, k_len - 1)"
            out.line(f"v_row: T.int64 = v_base + T.Cast('int64', {row}) * v_s2 + {first}")
            for i in range(count):
                for v in range(m.vectors):
                    weight = context.part("scores", f"(g * {m.keys} + j) * {rows} + {v * m.lanes}")
                    value = f"T.broadcast(v_t[v_row + {i}], {m.lanes})"
                    out.line(f"a{i}[{v}] = a{i}[{v}] + {value} * {weight}")
    with out.block(f"for v in T.unroll({m.vectors}):"):
        out.line(*(f"{output(i)} = a{i}[v]" for i in range(count)))


def _accumulators(context: Context, count: int, start: Callable[[int, str], str]) -> None:
    out, m = context.out, context.machine
    kind = f"'float32x{m.lanes}'"
    out.line(*(f"a{i} = T.alloc_buffer(({m.vectors},), {kind}, {LOCAL})" for i in range(count)))
    with out.block(f"for v in T.unroll({m.vectors}):"):
        out.line(*(f"a{i}[v] = {start(i, 'v')}" for i in range(count)))
