"""The kernels of the gradients: one owns queries and adds up dQ, one owns keys, for dK and dV.

Both compute the weights again from the stored log-sum-exp. No two programs write the same element,
so that there are no atomic additions and results repeat bit for bit. (Dao et al. 2022, algorithm 4;
two kernels as in Triton's tutorial on fused attention.)
"""

from contextlib import AbstractContextManager, nullcontext

from attnc.codegen.expressions import FLOAT, LOG2_E, Value, render
from attnc.codegen.triton.blocks import targets
from attnc.codegen.triton.collect import Collected, collects, sink_term
from attnc.codegen.triton.config import KernelInfo
from attnc.codegen.triton.context import ROWS, TILES, Context
from attnc.codegen.triton.finish import emit_store
from attnc.codegen.triton.kernel import (
    constants,
    emit_bases,
    emit_owned,
    emit_parts_of,
    emit_visits,
    emit_zeros,
    shown,
)
from attnc.codegen.triton.programs import emit_sequence, row_of

OPERANDS = ("q", "k", "v", "do")
NAMES = {"q": "backward_q", "k": "backward_kv"}


def signature(context: Context) -> dict[str, str]:
    """The arguments of a backward kernel, with their types."""
    return {
        **context.tensor_signature(*OPERANDS, *targets(context)),
        **{f"p_{name}": "*fp32" for name in ROWS},
        **({"lse_sb": "i32", "lse_sh": "i32"} if context.sequences else {}),
        **{name: kind for one in collects(context) for name, kind in one.signature.items()},
        **context.sizes,
        "scale": "fp32",
        **context.input_signature(),
        **context.table_signature(),
        "BLOCK_M": "constexpr",
        "BLOCK_N": "constexpr",
    }


def emit_backward(context: Context) -> tuple[KernelInfo, ...]:
    """A kernel, the functions of its visits and what fills its tables."""
    found, taken = emit_parts_of(context)
    types = signature(context)
    with context.out.function(context.prefix, shown(types)):
        if context.owner == "q":
            _emit_queries(context, taken)
        else:
            _emit_keys(context, taken)
    return (*found, KernelInfo(context.prefix, types, constants(context, types)))


def _emit_queries(context: Context, taken: dict[str, list[str]]) -> None:
    out = context.out
    out.line(
        '"""The gradient of one tile of queries of one head."""',
        "t = tl.num_programs(0) - 1 - tl.program_id(0)",
        "h = tl.program_id(1)",
        "b = tl.program_id(2)",
        "h_kv = h // group",
    )
    emit_sequence(context)
    emit_owned(context)
    emit_zeros(context, "dq")
    _emit_sums(context)
    with _in_a_loop(context):
        emit_visits(context, taken)
    emit_store(context, "dq", " * scale")
    _emit_sums_store(context)


def _in_a_loop(context: Context) -> AbstractContextManager[None]:
    """A loop of one pass around the visits where products are not those of matrix units.

    Else the factors of the owned rows are all loaded before the visits, into registers that there
    are not: kilobytes of spills. The other kernel has a loop over heads there.
    """
    if context.kernel.dtype.data != "float32":
        return nullcontext()
    return context.out.block("for _ in range(b, b + 1):  # keeps owned rows out of registers")


def _emit_keys(context: Context, taken: dict[str, list[str]]) -> None:
    """Heads that share their keys take turns, and add to one sum."""
    out = context.out
    out.line(
        '"""The gradients of one tile of keys and values, from all heads that share them."""',
        "c = tl.program_id(0)",
        "h_kv = tl.program_id(1)",
        "b = tl.program_id(2)",
    )
    emit_sequence(context)
    emit_owned(context)
    emit_zeros(context, "dk", "dv")
    with out.block("for h in range(h_kv * group, (h_kv + 1) * group):"):
        emit_bases(context)
        _emit_sums(context)
        emit_visits(context, taken)
        _emit_sums_store(context)
    emit_store(context, "dk", " * scale")
    emit_store(context, "dv")


def _rows(context: Context) -> list[Collected]:
    return [one for one in collects(context) if one.by_row]


def _emit_sums(context: Context) -> None:
    """What the gradients of inputs start from: nothing, or what the sink gives."""
    out, size = context.out, context.block(context.owner)
    for one in collects(context):
        if one.computed:
            out.line(f"b_{one.label} = tl.zeros([{one.block}], tl.float32)")
    for one in _rows(context):
        if one.slope is None or context.sink is None:
            out.line(f"b_{one.label} = tl.zeros([{size}], tl.float32)")
            continue
        sink = render(context.sink, context.target).text
        weight = f"tl.exp2({sink} * {LOG2_E} - b_lse)"
        inner = context.with_names({"g": Value(f"(-{weight} * b_delta)", FLOAT)})
        out.let(f"b_{one.label}", render(sink_term(one.slope), inner.target).text)


def _emit_sums_store(context: Context) -> None:
    """One number for each row, or a table for each tile, of a head and sequence."""
    out, owner = context.out, context.owner
    for one in collects(context):
        if one.by_pair:
            continue
        table = f"{TILES[owner]} * {one.label}_st + tl.arange(0, {one.block})"
        out.let("o_sum", f"{one.first} + {table if one.computed else row_of(context, owner)}")
        mask = [] if one.computed else ["mask=m_owned"]
        out.call("tl.store", [f"p_{one.label} + o_sum", f"b_{one.label}", *mask])
