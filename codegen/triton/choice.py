"""The Triton source of a choice: the keys of the greatest scores of each query.

A score and its key are one number of 64 bits, so that numbers differ and their order says it all. A
row keeps a list of the best that ascends; the best of a tile descend, and the greater of each pair
of both are the best of all, in an order that a merge of halves puts right.
"""

from attnc.codegen.triton.blocks import wide
from attnc.codegen.triton.config import KernelInfo, TritonConfig, TritonSource
from attnc.codegen.triton.context import CHOICE, Context
from attnc.codegen.triton.host import emit_inputs, emit_tables, tiles_of
from attnc.codegen.triton.kernel import (
    constants,
    emit_owned,
    emit_parts_of,
    emit_visits,
    shown,
)
from attnc.codegen.triton.lines import Lines
from attnc.codegen.triton.programs import emit_program
from attnc.codegen.triton.source import file_text, refuse_unprintable
from attnc.compiler.dialects import tile

NOTHING = "0x7FFFFFFF"  # in place of a key


def print_choice(kernel: tile.KernelOp, config: TritonConfig, header: str = "") -> TritonSource:
    """The file of a kernel that keeps keys: `choose(q, k, ...)` gives int32 [B, H, Nq, count].

    Raises `NotBuiltForTarget` for what this printer lacks.
    """
    refuse_unprintable(kernel)
    (count,) = {op.count.value.data for op in kernel.walk() if isinstance(op, tile.KeepOp)}
    context = Context(Lines(), kernel, config, prefix=CHOICE)
    context.out.line(f"BLOCK_M = {context.height}  # queries of a tile")
    context.out.line(f"BLOCK_N = {context.rows('k')}  # keys of a tile")
    kernels = _emit_kernel(context, count)
    _emit_host(context, count)
    return TritonSource(file_text(context, header), kernels)


def _signature(context: Context) -> dict[str, str]:
    """The arguments of the kernel, with their types."""
    return {
        **context.tensor_signature("q", "k"),
        "p_picks": "*i32",
        **context.sizes,
        **context.input_signature(),
        **context.table_signature(),
        "BLOCK_M": "constexpr",
        "BLOCK_N": "constexpr",
    }


def _emit_kernel(context: Context, count: int) -> tuple[KernelInfo, ...]:
    """The kernel, and what it calls."""
    out, kept = context.out, wide(count)
    found, taken = emit_parts_of(context)
    types = _signature(context)
    # Sorting takes long to compile, and is no faster for multiples of 16.
    general = [name for name in types if name.endswith(("_len", "_start")) or name[:2] == "n_"]
    with out.function(CHOICE, shown(types), general=general):
        emit_program(context)
        emit_owned(context)
        out.line(f"b_best = tl.full([BLOCK_M, {kept}], -0x8000000000000000, tl.int64)")
        emit_visits(context, taken)
        _emit_store(context, count, kept)
    return (*found, KernelInfo(CHOICE, types, constants(context, types)))


def _emit_store(context: Context, count: int, kept: int) -> None:
    """The keys in ascending order."""
    out = context.out
    out.line(
        f"r_n = tl.arange(0, {kept})",
        f"b_key = {NOTHING} - (b_best & {NOTHING}).to(tl.int32)",
    )
    if count < kept:
        out.line(f"b_key = tl.where((r_n >= {kept - count})[None, :], b_key, {NOTHING})")
    exists = "m_owned[:, None]" + (f" & (r_n < {count})[None, :]" if count < kept else "")
    out.line(
        "b_key = tl.sort(b_key)",
        f"b_key = tl.where(b_key == {NOTHING}, -1, b_key)",
        "i_row = tl.cast(b * heads + h, tl.int64) * q_len + i_q",
    )
    place = f"p_picks + i_row[:, None] * {count} + r_n[None, :]"
    out.call("tl.store", [place, "b_key", f"mask={exists}"])


def _emit_host(context: Context, count: int) -> None:
    """`choose(q, k, ...)`."""
    out, columns = context.out, context.width("q")
    given = ["q", "k", "*", "q_start=0", *context.inputs]
    with out.function("choose", given, jit=False):
        rows = f"q [B, H, Nq, {columns}] {count} keys of k [B, Hkv, Nk, {columns}]"
        out.line(f'"""Of each query of {rows}.')
        out.paste("")
        out.line(
            "Those of the greatest products, of equal ones the lower: int32, ascending, then -1.",
            "`q_start` is the position of the first query; keys begin at 0.",
            '"""',
            "batch, heads, q_len, head_dim = q.shape",
            "kv_heads, k_len = k.shape[1:3]",
        )
        kind = f"torch.{context.kernel.dtype.data}"
        with out.block(f"if head_dim != {columns} or q.dtype != {kind}:"):
            out.line(f'raise ValueError("this kernel is for {columns} columns of {kind}")')
        out.line(
            "q, k = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k))",
            f"picks = q.new_empty(batch, heads, q_len, {count}, dtype=torch.int32)",
        )
        with out.block("if picks.numel() == 0:"):
            out.line("return picks")
        out.line("sizes = (heads, heads // kv_heads, q_start, q_len, k_len)")
        emit_inputs(context)
        out.line(f"tiles = {tiles_of(context, 'q', 'BLOCK_M')}")
        tables = emit_tables(context)
        _emit_launch(context, tables)
        out.line("return picks")


def _emit_launch(context: Context, tables: list[str]) -> None:
    """The call of the kernel; heads that share keys run side by side."""
    tensors = [y for x in "qk" for y in (x, f"*{x}.stride()[:3]")]
    arguments = [
        *(*tensors, "picks", "*sizes", *(["*inputs"] if context.inputs else []), *tables),
        *("BLOCK_M=BLOCK_M", "BLOCK_N=BLOCK_N"),
        *(f"num_warps={context.config.num_warps}", f"num_stages={context.config.num_stages}"),
    ]
    context.out.line("group = heads // kv_heads")
    context.out.call(f"{CHOICE}[(group, tiles, batch * kv_heads)]", arguments)
