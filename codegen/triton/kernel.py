"""One kernel: its owned tile, its visits, and what it stores."""

from attnc.codegen.expressions import LN_2, render
from attnc.codegen.triton.body import (
    emit_visit,
    head_pointer,
    owned_operands,
    state,
    visited_operands,
)
from attnc.codegen.triton.config import KernelInfo
from attnc.codegen.triton.context import ROWS, SIZES, TILES, Context
from attnc.codegen.triton.lines import tidy
from attnc.codegen.triton.loads import emit_parts, emit_row
from attnc.codegen.triton.plan import emit_nest, emit_planner, plan_signature
from attnc.compiler.dialects import tile

TENSORS = ("q", "k", "v", "out")


def signature(context: Context) -> dict[str, str]:
    """The arguments of the kernel, with their types."""
    return {
        **context.tensor_signature(*TENSORS),
        "p_lse": "*fp32",
        **dict.fromkeys(SIZES, "i32"),
        "scale": "fp32",
        **context.input_signature(),
        **context.table_signature(),
        "BLOCK_M": "constexpr",
        "BLOCK_N": "constexpr",
    }


def emit_kernel(context: Context) -> tuple[KernelInfo, ...]:
    """The kernel, the functions of its visits and what fills its tables."""
    out = context.out
    found, taken = emit_parts_of(context)
    types = signature(context)
    with out.function("forward", shown(types)):
        out.line(
            '"""One tile of queries of one head; the tiles that see most keys come first."""',
            "i_bh = tl.program_id(2) * tl.num_programs(0) + tl.program_id(0)",
            "t = tl.num_programs(1) - 1 - tl.program_id(1)",
            "b = i_bh // heads",
            "h = i_bh % heads",
            "h_kv = h // group",
        )
        emit_owned(context)
        out.line(f'b_m = tl.full([{context.block("q")}], float("-inf"), tl.float32)')
        out.line(f"b_l = tl.zeros([{context.block('q')}], tl.float32)")
        emit_zeros(context, "out")
        emit_visits(context, taken)
        _emit_finish(context)
    return (*found, KernelInfo("forward", types, constants(context)))


def emit_parts_of(context: Context) -> tuple[list[KernelInfo], dict[str, list[str]]]:
    """What a kernel calls: what fills its tables, and its visits with the arguments they take."""
    found = []
    if context.tables:
        emit_planner(context)
        found.append(KernelInfo(f"{context.prefix}_plan", plan_signature(context)))
    return found, {v.tile_class.data: emit_visit(context, v) for v in context.visits}


def shown(types: dict[str, str]) -> list[str]:
    """A signature as it is written."""
    return [f"{n}: tl.constexpr" if kind == "constexpr" else n for n, kind in types.items()]


def constants(context: Context) -> dict[str, int]:
    """The sizes of a kernel's tiles."""
    return {"BLOCK_M": context.rows("q"), "BLOCK_N": context.rows("k")}


def base(name: str) -> str:
    """What moves a pointer to the first row of a head."""
    head = "h_kv" if name in ("k", "v", "dk", "dv") else "h"
    if name in ROWS:
        return f"p_{name} + tl.cast(b * heads + h, tl.int64) * q_len"
    return f"p_{name} + tl.cast(b, tl.int64) * {name}_sb + tl.cast({head}, tl.int64) * {name}_sh"


def emit_owned(context: Context) -> None:
    """The rows of the owned tile, and where the visited ones lie."""
    out, axis = context.out, context.owner
    size, tile_name = context.block(axis), TILES[axis]
    out.line(f"r_{axis} = tl.arange(0, {size})")
    out.line(f"i_{axis} = {tile_name} * {size} + r_{axis}  # [{size}]")
    out.line(f"m_owned = i_{axis} < {axis}_len")
    for name in owned_operands(context):
        if name in ROWS:
            emit_row(context, name, base(name), "m_owned")
            continue
        out.line(f"o_{name} = tl.cast({tile_name} * {size}, tl.int64) * {name}_sn")
        out.line(f"p_{name} = {base(name)}")
        emit_parts(context, name, f"p_{name} + o_{name}", f"r_{axis}", "m_owned", size)
    if axis == "q":
        emit_bases(context)


def emit_bases(context: Context) -> None:
    """Where the visited rows of a head lie."""
    for name in visited_operands(context):
        context.out.line(f"{head_pointer(context, name)} = {base(name)}")


def emit_zeros(context: Context, *targets: str) -> None:
    """Empty accumulators."""
    size = context.block(context.owner)
    for target in targets:
        for suffix, _, wide, _ in context.parts(target):
            context.out.line(f"b_{target}{suffix} = tl.zeros([{size}, {wide}], tl.float32)")


def emit_visits(context: Context, taken: dict[str, list[str]]) -> None:
    """The loops over the visited tiles of both classes."""
    out, place = context.out, TILES[context.visited]
    if context.tables:
        out.line(f"i_row = b * plan_sb + h * plan_sh + {TILES[context.owner]}")
    for visit in sorted(context.visits, key=lambda v: v.tile_class.data):
        name = visit.tile_class.data
        out.line(f"# The {name} tiles.")
        call = _Call(context, name, taken[name])
        if not context.tabled(visit):
            emit_nest(context, visit.plan.block, call)
            continue
        table = context.table(name)
        out.line(f"p_row = p_{table}_indices + tl.cast(i_row, tl.int64) * plan_columns")
        with out.block(f"for i in range(tl.load(p_{table}_num_blocks + i_row)):"):
            out.line(f"{place} = tl.load(p_row + i)")
            call.emit(place)


class _Call:
    """Writes the call of a visit."""

    def __init__(self, context: Context, name: str, taken: list[str]) -> None:
        self.context, self.name, self.taken = context, name, taken

    def __call__(self, op: tile.PushOp) -> None:
        self.emit(tidy(self.context.text(op.tile.data)))

    def emit(self, place: str) -> None:
        head = f"{', '.join(state(self.context))} = {self.context.prefix}_{self.name}"
        self.context.out.call(head, [place, *self.taken, "BLOCK_M", "BLOCK_N"])


def _emit_finish(context: Context) -> None:
    """Divide by the sum; a row without keys gives zeros and minus infinity."""
    out = context.out
    lse = f"b_m + tl.log2(b_sum) * {LN_2}" if context.scored else f"(b_m + tl.log2(b_sum)) * {LN_2}"
    out.line(
        "b_sum = tl.where(b_l == 0.0, 1.0, b_l)",
        f'b_lse = tl.where(b_l == 0.0, float("-inf"), {lse})',
        "b_over = 1.0 / b_sum",
    )
    if context.sink is not None:
        out.let("b_z", f"tl.cast({render(context.sink, context.target).text}, tl.float32)")
        out.line(
            "b_over = b_over / (1.0 + tl.exp(b_z - b_lse))",
            "b_far = tl.maximum(b_lse, b_z)",
            "b_lse = b_far + tl.log(tl.exp(b_lse - b_far) + tl.exp(b_z - b_far))",
        )
    emit_store(context, "out", " * b_over[:, None]")
    out.line("p_lse += tl.cast(b * heads + h, tl.int64) * q_len")
    out.line("tl.store(p_lse + i_q, b_lse, mask=m_owned)")


def emit_store(context: Context, target: str, factor: str = "") -> None:
    """Store an accumulator times something, part by part."""
    out, axis = context.out, context.owner
    size = context.block(axis)
    out.line(f"o_{target} = tl.cast({TILES[axis]} * {size}, tl.int64) * {target}_sn")
    out.line(f"p_{target} = {base(target)} + o_{target}")
    for suffix, at, wide, true in context.parts(target):
        columns = f"({at} + tl.arange(0, {wide}))" if at else f"tl.arange(0, {wide})"
        mask = "m_owned[:, None]"
        if true < wide:
            mask += f" & (tl.arange(0, {wide}) < {true})[None, :]"
        out.call(
            "tl.store",
            [
                f"p_{target} + r_{axis}[:, None] * {target}_sn + {columns}[None, :]",
                f"b_{target}{suffix}{factor}",
                f"mask={mask}",
            ],
        )
