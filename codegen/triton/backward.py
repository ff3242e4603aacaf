"""The kernels of the gradients: one owns queries and adds up dQ, one owns keys, for dK and dV.

Both compute the weights again from the stored log-sum-exp. No two programs write the same element,
so that there are no atomic additions and results repeat bit for bit. (Dao et al. 2022, algorithm 4;
two kernels as in Triton's tutorial on fused attention.)
"""

from attnc.codegen.expressions import FLOAT, LOG2_E, Value, render
from attnc.codegen.triton.blocks import targets
from attnc.codegen.triton.collect import Collected, collects, sink_term
from attnc.codegen.triton.config import KernelInfo
from attnc.codegen.triton.context import ROWS, Context
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

OPERANDS = ("q", "k", "v", "do")
NAMES = {"q": "backward_q", "k": "backward_kv"}


def signature(context: Context) -> dict[str, str]:
    """The arguments of a backward kernel, with their types."""
    return {
        **context.tensor_signature(*OPERANDS, *targets(context)),
        **{f"p_{name}": "*fp32" for name in ROWS},
        **{f"p_{one.label}": "*fp32" for one in collects(context)},
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
    emit_owned(context)
    emit_zeros(context, "dq")
    _emit_sums(context)
    emit_visits(context, taken)
    emit_store(context, "dq", " * scale")
    _emit_sums_store(context)


def _emit_keys(context: Context, taken: dict[str, list[str]]) -> None:
    """Heads that share their keys take turns, and add to one sum."""
    out = context.out
    out.line(
        '"""The gradients of one tile of keys and values, from all heads that share them."""',
        "c = tl.program_id(0)",
        "h_kv = tl.program_id(1)",
        "b = tl.program_id(2)",
    )
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
    for one in _rows(context):
        if one.slope is None or context.sink is None:
            out.line(f"b_{one.label} = tl.zeros([{size}], tl.float32)")
            continue
        sink = render(context.sink, context.target).text
        weight = f"tl.exp2({sink} * {LOG2_E} - b_lse)"
        inner = context.with_names({"g": Value(f"(-{weight} * b_delta)", FLOAT)})
        out.let(f"b_{one.label}", render(sink_term(one.slope), inner.target).text)


def _emit_sums_store(context: Context) -> None:
    """One number for each row, head and sequence."""
    axis = context.owner
    for one in _rows(context):
        rows = f"tl.cast(b * heads + h, tl.int64) * {axis}_len + i_{axis}"
        context.out.call("tl.store", [f"p_{one.label} + {rows}", f"b_{one.label}", "mask=m_owned"])
