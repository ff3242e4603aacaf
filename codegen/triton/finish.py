"""What a forward kernel stores: the rows divided by their sums, and the log-sum-exp."""

from attnc.codegen.expressions import LN_2, render
from attnc.codegen.triton.context import Context
from attnc.codegen.triton.programs import base, emit_base, emit_rows


def emit_finish(context: Context) -> None:
    """Divide by the sum; a row without keys gives zeros and minus infinity."""
    out = context.out
    lse = f"b_m + tl.log2(b_sum) * {LN_2}" if context.scored else f"(b_m + tl.log2(b_sum)) * {LN_2}"
    out.line(
        "b_sum = tl.where(b_l == 0.0, 1.0, b_l)",
        f'b_lse = tl.where(b_l == 0.0, float("-inf"), {lse})',
        "b_over = 1.0 / b_sum",
    )
    if context.sink is not None and context.split:
        with out.block("if i_split == 0:  # one share counts the sink"):
            _emit_sink(context)
    elif context.sink is not None:
        _emit_sink(context)
    emit_store(context, "out", " * b_over[:, None]")
    if context.sequences:
        out.line("p_lse += tl.cast(b, tl.int64) * lse_sb + tl.cast(h, tl.int64) * lse_sh + q_row")
    else:
        out.line("p_lse += tl.cast(b * heads + h, tl.int64) * q_len")
    _emit_share(context, "lse")
    out.line(f"tl.store(p_lse + i_q, b_lse, mask={_exists(context)})")


def _emit_sink(context: Context) -> None:
    """A term more of the denominator."""
    out = context.out
    assert context.sink is not None
    out.let("b_z", f"tl.cast({render(context.sink, context.target).text}, tl.float32)")
    out.line(
        "b_over = b_over / (1.0 + tl.exp(b_z - b_lse))",
        "b_far = tl.maximum(b_lse, b_z)",
        "b_lse = b_far + tl.log(tl.exp(b_lse - b_far) + tl.exp(b_z - b_far))",
    )


def _emit_share(context: Context, target: str) -> None:
    """Move to what this share stores."""
    if context.split:
        context.out.line(f"p_{target} += tl.cast(i_split, tl.int64) * {target}_ss")


def _exists(context: Context, spread: str = "") -> str:
    """Whether owned rows exist.

    Where threads compute the addresses of keys, registers are short: what was asked above would
    take one until here.
    """
    if context.prefix != "forward" or context.packed > 1 or context.grid or context.described:
        return f"m_owned{spread}"
    text = f"r_q < q_len - t * {context.block('q')}"
    return f"({text}){spread}" if spread else text


def emit_store(context: Context, target: str, factor: str = "") -> None:
    """Store an accumulator times something, part by part."""
    out = context.out
    rows = emit_rows(context, target)
    if context.sequences or context.grid:
        emit_base(context, target, f"p_{target}")
        _emit_share(context, target)
    else:
        rows = rows.removeprefix(f"o_{target} + ")
        out.line(f"p_{target} = {base(context, target)} + o_{target}")
    for suffix, at, wide, true in context.parts(target):
        columns = f"({at} + tl.arange(0, {wide}))" if at else f"tl.arange(0, {wide})"
        mask = _exists(context, "[:, None]")
        if true < wide:
            mask += f" & (tl.arange(0, {wide}) < {true})[None, :]"
        out.call(
            "tl.store",
            [
                f"p_{target} + {rows} + {columns}[None, :]",
                f"b_{target}{suffix}{factor}",
                f"mask={mask}",
            ],
        )
