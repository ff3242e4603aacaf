"""One kernel: its owned tile, its visits, and what it stores."""

from collections.abc import Mapping

from attnc.codegen.triton.blocks import (
    head_pointer,
    owned_operands,
    state,
    visited_operands,
)
from attnc.codegen.triton.body import emit_visit
from attnc.codegen.triton.config import KernelInfo
from attnc.codegen.triton.context import COLUMNS, ROWS, TILES, Context
from attnc.codegen.triton.finish import emit_finish
from attnc.codegen.triton.lines import tidy
from attnc.codegen.triton.loads import emit_parts, emit_row
from attnc.codegen.triton.plan import emit_nest, emit_planner, plan_signature
from attnc.codegen.triton.programs import base, emit_base, emit_program, emit_row_numbers, emit_rows
from attnc.codegen.triton.shares import emit_shares
from attnc.compiler.dialects import tile

TENSORS = ("q", "k", "v", "out")
# The first maximum. It is finite: rows that see no key yet subtract it without care.
LEAST = "-3.4028234663852886e38"


def signature(context: Context) -> dict[str, str]:
    """The arguments of the kernel, with their types."""
    return {
        **context.tensor_signature(*TENSORS),
        **({"p_out": "*fp32"} if context.split else {}),
        **context.lse_signature(),
        **context.sizes,
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
        emit_program(context)
        emit_owned(context)
        out.line(f"b_m = tl.full([{context.block('q')}], {LEAST}, tl.float32)")
        out.line(f"b_l = tl.zeros([{context.block('q')}], tl.float32)")
        emit_zeros(context, "out")
        emit_visits(context, taken)
        emit_finish(context)
    return (*found, KernelInfo("forward", types, constants(context, types)))


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


def constants(context: Context, types: Mapping[str, str]) -> dict[str, int]:
    """The sizes of a kernel's tiles, and the strides of rows of [b, h, n, ...] in one piece."""
    strides = {f"{name}_sn": context.width(name) for name in COLUMNS if f"{name}_sn" in types}
    return {"BLOCK_M": context.height, "BLOCK_N": context.rows("k")} | strides


def emit_owned(context: Context) -> None:
    """The rows of the owned tile, and where the visited ones lie."""
    out, axis = context.out, context.owner
    size = context.block(axis)
    out.line(f"r_{axis} = tl.arange(0, {size})")
    if context.grid:
        context.grid.emit_place(context)
    emit_row_numbers(context)
    for name in owned_operands(context):
        if name in ROWS:
            emit_row(context, name, base(context, name), "m_owned")
            continue
        rows = emit_rows(context, name)
        emit_base(context, name, f"p_{name}")
        emit_parts(context, name, f"p_{name} + {rows}", "m_owned", size)
    if axis == "q":
        emit_bases(context)


def emit_bases(context: Context) -> None:
    """Where the visited rows of a head lie."""
    for name in visited_operands(context):
        if name in context.described:
            continue
        emit_base(context, name, head_pointer(context, name))


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
        head = "h" if context.packed == 1 else "h_kv * group"
        out.line(f"i_row = b * plan_sb + {head} * plan_sh + {TILES[context.owner]}")
    if context.split:
        emit_shares(context, {name: _Call(context, name, args) for name, args in taken.items()})
        return
    for visit in sorted(context.visits, key=lambda v: v.tile_class.data):
        name = visit.tile_class.data
        out.line(f"# The {name} tiles.")
        call = _Call(context, name, taken[name])
        if not context.tabled(visit):
            emit_nest(context, visit.plan.block, call)
            continue
        table = context.table(name)
        out.line(f"tiles_at = p_{table}_indices + tl.cast(i_row, tl.int64) * plan_columns")
        with out.block(f"for i in range(tl.load(p_{table}_num_blocks + i_row)):"):
            out.line(f"{place} = tl.load(tiles_at + i)")
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
