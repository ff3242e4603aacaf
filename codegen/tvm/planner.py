"""What a kernel will visit, known before it runs: counts for its schedule, and index tables.

The module's function `plan` runs the same nests as the kernel. With `fill = 0` it counts the tiles
of each query tile and class into `offsets`; where run-time tensors decide, these are the tiles that
may have to be visited. Plans of many loops run here instead of once per head: after the caller has
summed the counts, `fill = 1` writes the tiles into `table` (CSR; int64 offsets, int32 tiles).
"""

from attnc.codegen.questions import plans_read
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.marks import emit_marks
from attnc.codegen.tvm.prefetch import emit_later_unit, emit_turns
from attnc.codegen.tvm.rows import emit_owned_tile, emit_row_inputs
from attnc.codegen.tvm.signature import Tensors, emit_row, number_arguments
from attnc.codegen.tvm.units import each_unit, parallel
from attnc.codegen.tvm.visits import (
    LISTS,
    append_to_list,
    emit_joined,
    emit_owned_bounds,
    emit_plan,
)


def bind_table(tensors: Tensors) -> None:
    """Bind the two arguments of a table."""
    tensors.bind("offsets", "int64", ["offsets_n"], unit=True)
    tensors.bind("table", "int32", ["table_n"], unit=True)


def emit_planner(context: Context) -> None:
    """The function `plan(rows, offsets, table, numbers..., heads, tiles, threads, fill)`."""
    out = context.out
    handles = [f"{name}_: T.handle" for name in ("rows", "offsets", "table")]
    scalars = [f"{name}: T.int32" for name in ("heads", "tiles", "threads", "fill")]
    out.line("@T.prim_func(s_tir=True)")
    with out.block(f"def plan({', '.join([*handles, *number_arguments(context), *scalars])}):"):
        out.line('T.func_attr({"global_symbol": "plan", "tirx.noalias": True})')
        tensors = Tensors(context)
        tensors.rows()
        bind_table(tensors)
        tensors.declare()
        with parallel(out):
            out.line(f"count = T.alloc_buffer((2,), 'int32', {LOCAL})")
            with each_unit(out, "T.Cast('int32', rows_n) * heads * tiles"):
                _emit_unit(context)


def _emit_unit(context: Context) -> None:
    """The plan of one owned tile of one head of one sequence."""
    out, owned = context.out, context.owned
    out.line(
        f"{owned.tile}: T.int32 = unit % tiles",
        "h: T.int32 = (unit // tiles) % heads",
        "s: T.int32 = unit // (tiles * heads)",
    )
    emit_row(context)
    emit_owned_tile(context)
    with out.block(f"if {context.geometry.exists(context)}:"):
        emit_plan(context, context.visits, _append_to_table, decide=False)
        with out.block("if fill == 0:"):
            for which in LISTS.values():
                out.line(f"offsets[unit * 2 + {which}] = T.Cast('int64', count[{which}])")


def _append_to_table(context: Context, which: int) -> None:
    out = context.out
    if context.tabled:
        with out.block("if fill != 0:"):
            out.line(f"table[offsets[unit * 2 + {which}] + T.Cast('int64', count[{which}])] = tile")
    out.line(f"count[{which}] = count[{which}] + 1")


def emit_listing(context: Context) -> None:
    """In a kernel: both lists of the owned tile, by its own loops or from the table."""
    context.geometry.emit_rows(context)
    emit_row_inputs(context)
    emit_owned_bounds(context)
    emit_marks(context)
    if context.tabled:
        _emit_lookup(context)
    else:
        emit_plan(context, context.visits, append_to_list)
        emit_joined(context)
    context.out.line("listed: T.int32 = count[0] + count[1]")
    emit_turns(context)
    emit_later_unit(context)


def _emit_lookup(context: Context) -> None:
    """In a kernel: the lengths of this query tile's two lists, from the offsets."""
    out = context.out
    out.line(
        "plan_tiles: T.int64 = rows_n * T.Cast('int64', tiles)",
        "plan_heads: T.int32 = T.Cast('int32', (offsets_n - 1) // (plan_tiles * 2))",
        "plan_head: T.int32 = s * plan_heads + h % plan_heads",
        f"plan_row: T.int32 = (plan_head * tiles + {context.owned.tile}) * 2",
    )
    for which in LISTS.values():
        size = f"offsets[plan_row + {which + 1}] - offsets[plan_row + {which}]"
        out.line(f"count[{which}] = T.Cast('int32', {size})")


def plan_depends_on_head(context: Context) -> bool:
    """Whether the plans of the heads differ."""
    return plans_read(context.visits, "h")
