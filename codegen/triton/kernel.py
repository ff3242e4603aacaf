"""One kernel: its owned tile, its visits, and what it stores."""

from attnc.codegen.expressions import render
from attnc.codegen.triton.body import (
    emit_parts,
    emit_visit,
    owned_operands,
    state,
    visited_operands,
)
from attnc.codegen.triton.config import KernelInfo
from attnc.codegen.triton.context import COLUMNS, SIZES, Context
from attnc.codegen.triton.lines import tidy
from attnc.codegen.triton.plan import emit_nest, emit_planner, plan_signature
from attnc.compiler.dialects import tile

LN_2 = 0.6931471805599453
TENSORS = {
    "forward": ("q", "k", "v", "out"),
    "dq": ("q", "k", "v", "do", "dq"),
    "dkdv": ("q", "k", "v", "do", "dk", "dv"),
}


def signature(context: Context) -> dict[str, str]:
    """The arguments of the kernel, with their types."""
    rows = {"forward": ("lse",)}.get(context.role, ("lse", "delta"))
    return {
        **context.tensor_signature(*TENSORS[context.role]),
        **{f"p_{name}": "*fp32" for name in rows},
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
        found.append(KernelInfo(f"{context.role}_plan", plan_signature(context)))
    taken = {v.tile_class.data: emit_visit(context, v) for v in context.visits}
    types = signature(context)
    shown = [f"{n}: tl.constexpr" if kind == "constexpr" else n for n, kind in types.items()]
    with out.function(context.role, shown):
        out.line(f'"""{_SAYS[context.role]}"""')
        _emit_place(context)
        _emit_owned(context)
        if context.role == "dkdv":
            with out.block("for i_g in range(group):"):
                out.line("h = h_kv * group + i_g")
                _emit_bases(context)
                _emit_visits(context, taken)
        else:
            _emit_visits(context, taken)
        if context.role == "forward":
            _emit_finish(context)
        else:
            for target in TENSORS[context.role][4:]:
                factor = "" if target == "dv" else " * scale"
                _emit_store(context, target, factor)
    sizes = {"BLOCK_M": context.rows("q"), "BLOCK_N": context.rows("k")}
    return (*found, KernelInfo(context.role, types, sizes))


_SAYS = {
    "forward": "One tile of queries of one head; the tiles that see most keys come first.",
    "dq": "The gradient of one tile of queries.",
    "dkdv": "The gradients of one tile of keys: the query heads that share it in turn.",
}


def _emit_place(context: Context) -> None:
    """Which tile, head and sequence this program owns."""
    out, own = context.out, context.owned_tile
    out.line(
        "i_bh = tl.program_id(2) * tl.num_programs(0) + tl.program_id(0)",
        f"{own} = tl.num_programs(1) - 1 - tl.program_id(1)",
    )
    if context.role == "dkdv":
        out.line("b = i_bh // (heads // group)", "h_kv = i_bh % (heads // group)")
    else:
        out.line("b = i_bh // heads", "h = i_bh % heads", "h_kv = h // group")


def _base(context: Context, name: str) -> str:
    """What moves a pointer to the first row of a head."""
    if name not in COLUMNS:
        return f"p_{name} + tl.cast(b * heads + h, tl.int64) * q_len"
    head = "h_kv" if name in ("k", "v", "dk", "dv") else "h"
    return f"p_{name} + tl.cast(b, tl.int64) * {name}_sb + tl.cast({head}, tl.int64) * {name}_sh"


def _emit_owned(context: Context) -> None:
    out, axis = context.out, context.owned
    size = context.block(axis)
    out.line(f"r_{axis} = tl.arange(0, {size})")
    out.line(f"i_{axis} = {context.owned_tile} * {size} + r_{axis}  # [{size}]")
    out.line(f"m_owned = i_{axis} < {axis}_len")
    for name in owned_operands(context):
        if name not in COLUMNS:
            fill = 'float("inf")' if name == "lse" else "0.0"
            out.line(
                f"b_{name} = tl.load({_base(context, name)} + i_{axis}, mask=m_owned, other={fill})"
            )
            continue
        out.line(f"o_{name} = tl.cast({context.owned_tile} * {size}, tl.int64) * {name}_sn")
        out.line(f"p_{name} = {_base(context, name)}")
        emit_parts(context, name, f"p_{name} + o_{name}", f"r_{axis}", "m_owned", size)
    if context.role != "dkdv":
        for name in visited_operands(context):
            out.line(f"p_{name} = {_base(context, name)}")
    if context.role == "forward":
        out.line(f'b_m = tl.full([{size}], float("-inf"), tl.float32)')
        out.line(f"b_l = tl.zeros([{size}], tl.float32)")
    for target in TENSORS[context.role][3 if context.role == "forward" else 4 :]:
        for suffix, _, wide, _ in context.parts(target):
            out.line(f"b_{target}{suffix} = tl.zeros([{size}, {wide}], tl.float32)")


def _emit_bases(context: Context) -> None:
    """Where the rows of this query head lie, in a kernel that owns keys."""
    for name in visited_operands(context):
        context.out.line(f"p_{name}_h = {_base(context, name)}")


def _emit_visits(context: Context, taken: dict[str, list[str]]) -> None:
    out = context.out
    if context.tables:
        out.line(f"i_row = b * plan_sb + h * plan_sh + {context.owned_tile}")
    for visit in sorted(context.visits, key=lambda v: v.tile_class.data):
        name = visit.tile_class.data
        out.line(f"# The {name} tiles.")
        call = _Call(context, name, taken[name])
        if not context.tabled(visit):
            emit_nest(context, visit.plan.block, call)
            continue
        table, other = context.table(name), context.visited_tile
        out.line(f"p_row = p_{table}_indices + tl.cast(i_row, tl.int64) * plan_columns")
        with out.block(f"for i in range(tl.load(p_{table}_num_blocks + i_row)):"):
            out.line(f"{other} = tl.load(p_row + i)")
            call.emit(other)


class _Call:
    """Writes the call of a visit."""

    def __init__(self, context: Context, name: str, taken: list[str]) -> None:
        self.context, self.name, self.taken = context, name, taken

    def __call__(self, op: tile.PushOp) -> None:
        self.emit(tidy(self.context.text(op.tile.data)))

    def emit(self, place: str) -> None:
        context = self.context
        given = self.taken
        if context.role == "dkdv":
            moved = {f"p_{name}" for name in visited_operands(context)}
            given = [f"{name}_h" if name in moved else name for name in given]
        head = f"{', '.join(state(context))} = {context.role}_{self.name}"
        context.out.call(head, [place, *given, "BLOCK_M", "BLOCK_N"])


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
    _emit_store(context, "out", " * b_over[:, None]")
    out.line("p_lse += tl.cast(b * heads + h, tl.int64) * q_len")
    out.line("tl.store(p_lse + i_q, b_lse, mask=m_owned)")


def _emit_store(context: Context, target: str, factor: str) -> None:
    """Store an accumulator, part by part."""
    out, axis = context.out, context.owned
    size = context.block(axis)
    out.line(f"o_{target} = tl.cast({context.owned_tile} * {size}, tl.int64) * {target}_sn")
    out.line(f"p_{target} = {_base(context, target)} + o_{target}")
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
