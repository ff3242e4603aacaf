"""The TVMScript of a forward pass on a GPU, from the same tile IR as the CPU's.

Tensors are contiguous float32: queries and `out` [B, H, Nq, columns], keys and values
[B, Hkv, Nk, columns], `lse` [B, H, Nq].
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import LN_2, LOG2_E, render
from attnc.codegen.questions import searches
from attnc.codegen.tvm_gpu.context import DTYPES, SIZES, TABLES, Context
from attnc.codegen.tvm_gpu.layout import ACROSS, DOWN, ITEMS, Layout
from attnc.codegen.tvm_gpu.plan import emit_nest, emit_tables
from attnc.codegen.tvm_gpu.visit import LOWEST, SYNC, emit_copy, emit_visit
from attnc.compiler.dialects import tile
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.syntax import Expr

ANY = "T.int64(1099511627776)"  # the extent of a tensor: larger than any memory
TENSORS = ("q_rows", "k_rows", "v_rows", "out", "lse")
PLAN = ("plan_sb", "plan_sh", "plan_columns")


@dataclass(frozen=True, slots=True)
class GpuSource:
    """TVMScript with the function `attention` and, where there are tables, `plan`.

    A work-group of `items` computes `rows` queries of one head; `tables` are the names of the
    tables, which differ between batch entries and between heads as `by_batch`, `by_head` say.
    Tensors that are inputs have these `axes`; the stride of `b` is 0 where all entries share one.
    """

    text: str
    layout: Layout
    items: int
    tables: tuple[str, ...]
    by_batch: bool
    by_head: bool
    axes: Mapping[str, tuple[str, ...]]


def print_gpu(kernel: tile.KernelOp, header: str, sink: Expr | None = None) -> GpuSource:
    """The source of a forward kernel that owns queries; `sink` is the logit of one more term.

    Raises `NotBuiltForTarget` for what this printer lacks.
    """
    sizes = (kernel.tile_q, kernel.tile_k, kernel.head_dim, kernel.value_dim)
    layout = Layout(*(int(size.value.data) for size in sizes))
    for feature in _unprintable(kernel, layout):
        raise NotBuiltForTarget(feature, "tvm for GPUs")
    out = Emitter("{0}: T.let = {1}")
    context = Context(out, kernel, layout, sink)
    out.line(*(f"# {line}" for line in header.splitlines()), "@I.ir_module")
    with out.block("class Module:"):
        _emit_attention(context)
        if context.tables:
            _emit_plan(context)
    tables = tuple(TABLES[name] for name in context.tables)
    by_batch, by_head = (context.plan_reads(axis) for axis in "bh")
    return GpuSource(out.text(), layout, ITEMS, tables, by_batch, by_head, _axes(context))


def _unprintable(kernel: tile.KernelOp, layout: Layout) -> Iterator[str]:
    if kernel.owner.data != "q":
        yield "a kernel that owns keys"
    if any(given.dtype.data == "set" for given in kernel.inputs):
        yield "tests of run-time sets"
    if len(kernel.axes):
        yield "tiles of a grid or of a residue class"
    if kernel.packed.value.data != 1 or kernel.split is not None:
        yield "packed heads and split keys"
    if kernel.dtype.data != "float32":
        yield f"dtype {kernel.dtype.data}"
    if not layout.fits:
        yield f"head dims {layout.head_dim} and {layout.value_dim} in 32 KiB of shared memory"
    for op in kernel.walk():
        if isinstance(op, tile.MaskOp) and searches(op.condition.data):
            yield "`exists` over a range of many values"


@contextmanager
def _function(
    context: Context, name: str, tensors: dict[str, str], numbers: dict[str, str]
) -> Iterator[None]:
    out = context.out
    given = [f"{label}_: T.handle" for label in tensors]
    given += [f"{label}: T.{dtype}" for label, dtype in numbers.items()]
    out.line("@T.prim_func(s_tir=True)")
    with out.block(f"def {name}({', '.join(given)}):"):
        out.line(f'T.func_attr({{"global_symbol": "{name}", "tirx.noalias": True}})')
        for label, dtype in tensors.items():
            out.line(f"{label} = T.match_buffer({label}_, ({ANY},), '{dtype}', align=4)")
        yield


def _tiles(context: Context) -> str:
    """The number of tiles of queries."""
    return f"(q_len + {context.layout.rows - 1}) // {context.layout.rows}"


def _inputs(context: Context) -> tuple[dict[str, str], dict[str, str]]:
    """The tensors of the inputs and of the tables; sizes, strides and run-time numbers."""
    tensors: dict[str, str] = {}
    numbers = dict.fromkeys(SIZES, "int32")
    for name, attr in context.inputs.items():
        dtype = DTYPES[attr.dtype.data]
        (tensors if attr.axis_names else numbers)[f"in_{name}"] = dtype
    for name, axes in _axes(context).items():
        numbers |= {f"{name}_s{axis}": "int32" for axis in axes}
    for name in context.tables:
        tensors |= {f"{TABLES[name]}_{kind}": "int32" for kind in ("num_blocks", "indices")}
    numbers |= dict.fromkeys(PLAN if context.tables else (), "int32")
    return tensors, numbers


def _axes(context: Context) -> dict[str, tuple[str, ...]]:
    """The axes of the inputs that are tensors, that of the batch first."""
    named = {name: attr.axis_names for name, attr in context.inputs.items() if attr.axis_names}
    return {name: axes if axes[0] == "b" else ("b", *axes) for name, axes in named.items()}


def _emit_attention(context: Context) -> None:
    """One work-group: its queries to shared memory, the visits, the division."""
    out, layout = context.out, context.layout
    tensors, numbers = _inputs(context)
    own = dict.fromkeys(TENSORS, "float32")
    with (
        _function(context, "attention", own | tensors, {**numbers, "scale": "float32"}),
        _work_group(context),
    ):
        for name, words in layout.shared.items():
            out.line(f"{name} = T.alloc_buffer(({words},), 'float32', scope='shared')")
        registers = {
            "s_own": layout.own_rows * layout.own_keys,
            "out_own": layout.own_rows * layout.own_columns,
            "w_own": layout.keys // layout.lanes,
            "state": 2,
            "top": 1,
        }
        for name, words in registers.items():
            out.line(f"{name} = T.alloc_buffer(({words},), 'float32', scope='local')")
        _emit_start(context)
        for name, visit in context.visits.items():
            out.line(f"# the {name} tiles")
            _emit_tiles(context, name, visit)
        _emit_finish(context)


@contextmanager
def _work_group(context: Context) -> Iterator[None]:
    out = context.out
    with (
        out.block("for b in T.thread_binding(batch, 'blockIdx.z'):"),
        out.block("for h in T.thread_binding(heads, 'blockIdx.y'):"),
        out.block(f"for group_x in T.thread_binding({_tiles(context)}, 'blockIdx.x'):"),
        out.block(f"for item in T.thread_binding({ITEMS}, 'threadIdx.x'):"),
    ):
        yield


def _emit_start(context: Context) -> None:
    """Where the work-item stands, and where its rows lie."""
    out, layout = context.out, context.layout
    kv, last = (
        "(T.Cast('int64', b) * T.truncdiv(heads, group) + T.truncdiv(h, group)) * k_len",
        "T.min({}, q_len - 1)",
    )
    out.line(
        "# the tiles that see most keys come first",
        f"t: T.int32 = {_tiles(context)} - 1 - group_x",
        f"down: T.int32 = item // {ACROSS}",
        f"across: T.int32 = item % {ACROSS}",
        f"softmax_row: T.int32 = item // {layout.lanes}",
        f"lane: T.int32 = item % {layout.lanes}",
        f"first_row: T.int64 = (T.Cast('int64', b) * heads + h) * q_len + t * {layout.rows}",
        f"k_at: T.int64 = {kv} * {layout.head_dim}",
        f"v_at: T.int64 = {kv} * {layout.value_dim}",
        f"own_row: T.int32 = t * {layout.rows} + softmax_row",
        f"q: T.int32 = q_start + {last.format('own_row')}",
        f"state[0] = {LOWEST}",
        "state[1] = T.float32(0)",
    )
    with out.block(f"for i in range({layout.own_rows * layout.own_columns}):"):
        out.line("out_own[i] = T.float32(0)")
    factor = " * scale" if context.scored else f" * (scale * T.float32({LOG2_E}))"
    emit_copy(
        context,
        ("queries", layout.query_stride),
        ("q_rows", f"first_row * {layout.head_dim}"),
        (layout.rows, layout.head_dim),
        f"q_len - t * {layout.rows}",
        factor,
    )


def _emit_tiles(context: Context, name: str, visit: tile.VisitOp) -> None:
    out = context.out
    if not context.tabled(visit):

        def push(op: tile.PushOp) -> None:
            out.line(f"tile: T.int32 = {context.text(op.tile.data)}")
            emit_visit(context, visit)

        emit_nest(context, visit.plan.block, push)
        return
    table, row = TABLES[name], "b * plan_sb + h * plan_sh + t"
    with out.block(f"for n_visit in range({table}_num_blocks[{row}]):"):
        out.line(
            f"tile: T.int32 = {table}_indices[T.Cast('int64', {row}) * plan_columns + n_visit]"
        )
        emit_visit(context, visit)


def _emit_finish(context: Context) -> None:
    """Divide by the sum; a row without keys gives zeros and minus infinity."""
    out, layout = context.out, context.layout
    out.line("parts[item] = state[1]", SYNC, "top[0] = T.float32(0)")
    with out.block(f"for j in range({layout.lanes}):"):
        out.line(f"top[0] = top[0] + parts[softmax_row * {layout.lanes} + j]")
    maximum = "state[0]" if context.scored else f"state[0] * T.float32({LN_2})"
    out.line(
        "empty: T.let = top[0] == T.float32(0)",
        "total: T.let = T.Select(empty, T.float32(1), top[0])",
        f"lse_row: T.let = T.Select(empty, {LOWEST}, {maximum} + T.log(total))",
        "over: T.let = T.float32(1) / total",
    )
    over, found = "over", "lse_row"
    if context.sink is not None:
        z = render(context.sink, context.target)
        out.line(f"z: T.let = {context.target.cast(z, 'float32').text}")
        out.line("far: T.let = T.max(lse_row, z)")
        over = "over / (T.float32(1) + T.exp(z - lse_row))"
        found = "far + T.log(T.exp(lse_row - far) + T.exp(z - far))"
    with out.block("if lane == 0:"):
        out.line(f"factors[softmax_row] = {over}")
        with out.block("if own_row < q_len:"):
            out.line(f"lse[first_row + softmax_row] = {found}")
    out.line(SYNC)
    _emit_store(context)


def _emit_store(context: Context) -> None:
    out, layout = context.out, context.layout
    with out.block(f"for i, j in T.grid({layout.own_rows}, {layout.own_columns}):"):
        out.line(f"row_i: T.int32 = down + {DOWN} * i", f"column: T.int32 = across + {ACROSS} * j")
        exists = f"T.And(t * {layout.rows} + row_i < q_len, column < {layout.value_dim})"
        with out.block(f"if {exists}:"):
            out.line(
                f"out[(first_row + row_i) * {layout.value_dim} + column] = "
                f"out_own[i * {layout.own_columns} + j] * factors[row_i]"
            )


def _emit_plan(context: Context) -> None:
    """`plan`: a work-group of one for each tile of queries, head and batch entry with own tiles."""
    out = context.out
    with (
        _function(context, "plan", *_inputs(context)),
        out.block("for b in T.thread_binding(batch, 'blockIdx.z'):"),
        out.block("for h in T.thread_binding(heads, 'blockIdx.y'):"),
        out.block(f"for t in T.thread_binding({_tiles(context)}, 'blockIdx.x'):"),
    ):
        emit_tables(context)
