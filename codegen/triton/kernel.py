"""One kernel: its owned tile, its visits, and what it stores."""

from attnc.codegen.expressions import LN_2, render
from attnc.codegen.triton.body import (
    emit_parts,
    emit_visit,
    owned_operands,
    state,
    visited_operands,
)
from attnc.codegen.triton.config import KernelInfo
from attnc.codegen.triton.context import SIZES, Context
from attnc.codegen.triton.lines import tidy
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
    out, found = context.out, []
    if context.tables:
        emit_planner(context)
        found.append(KernelInfo("forward_plan", plan_signature(context)))
    taken = {v.tile_class.data: emit_visit(context, v) for v in context.visits}
    types = signature(context)
    shown = [f"{n}: tl.constexpr" if kind == "constexpr" else n for n, kind in types.items()]
    with out.function("forward", shown):
        out.line(
            '"""One tile of queries of one head; the tiles that see most keys come first."""',
            "i_bh = tl.program_id(2) * tl.num_programs(0) + tl.program_id(0)",
            "t = tl.num_programs(1) - 1 - tl.program_id(1)",
            "b = i_bh // heads",
            "h = i_bh % heads",
            "h_kv = h // group",
        )
        _emit_owned(context)
        _emit_visits(context, taken)
        _emit_finish(context)
    sizes = {"BLOCK_M": context.rows("q"), "BLOCK_N": context.rows("k")}
    return (*found, KernelInfo("forward", types, sizes))


def _base(name: str) -> str:
    """What moves a pointer to the first row of a head."""
    head = "h_kv" if name in ("k", "v") else "h"
    return f"p_{name} + tl.cast(b, tl.int64) * {name}_sb + tl.cast({head}, tl.int64) * {name}_sh"


def _emit_owned(context: Context) -> None:
    """The rows of the owned tile, where the visited ones lie, and an empty state."""
    out, size = context.out, context.block("q")
    out.line(f"r_q = tl.arange(0, {size})")
    out.line(f"i_q = t * {size} + r_q  # [{size}]")
    out.line("m_owned = i_q < q_len")
    for name in owned_operands(context):
        out.line(f"o_{name} = tl.cast(t * {size}, tl.int64) * {name}_sn")
        out.line(f"p_{name} = {_base(name)}")
        emit_parts(context, name, f"p_{name} + o_{name}", "r_q", "m_owned", size)
    for name in visited_operands(context):
        out.line(f"p_{name} = {_base(name)}")
    out.line(f'b_m = tl.full([{size}], float("-inf"), tl.float32)')
    out.line(f"b_l = tl.zeros([{size}], tl.float32)")
    for suffix, _, wide, _ in context.parts("out"):
        out.line(f"b_out{suffix} = tl.zeros([{size}, {wide}], tl.float32)")


def _emit_visits(context: Context, taken: dict[str, list[str]]) -> None:
    out = context.out
    if context.tables:
        out.line("i_row = b * plan_sb + h * plan_sh + t")
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
            out.line("c = tl.load(p_row + i)")
            call.emit("c")


class _Call:
    """Writes the call of a visit."""

    def __init__(self, context: Context, name: str, taken: list[str]) -> None:
        self.context, self.name, self.taken = context, name, taken

    def __call__(self, op: tile.PushOp) -> None:
        self.emit(tidy(self.context.text(op.tile.data)))

    def emit(self, place: str) -> None:
        head = f"{', '.join(state(self.context))} = forward_{self.name}"
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
    _emit_store(context)
    out.line("p_lse += tl.cast(b * heads + h, tl.int64) * q_len")
    out.line("tl.store(p_lse + i_q, b_lse, mask=m_owned)")


def _emit_store(context: Context) -> None:
    """Store the output, part by part."""
    out, size = context.out, context.block("q")
    out.line(f"o_out = tl.cast(t * {size}, tl.int64) * out_sn")
    out.line(f"p_out = {_base('out')} + o_out")
    for suffix, at, wide, true in context.parts("out"):
        columns = f"({at} + tl.arange(0, {wide}))" if at else f"tl.arange(0, {wide})"
        mask = "m_owned[:, None]"
        if true < wide:
            mask += f" & (tl.arange(0, {wide}) < {true})[None, :]"
        out.call(
            "tl.store",
            [
                f"p_out + r_q[:, None] * out_sn + {columns}[None, :]",
                f"b_out{suffix} * b_over[:, None]",
                f"mask={mask}",
            ],
        )
