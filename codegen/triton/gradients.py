"""The functions of the host for gradients: an autograd function around both passes."""

from attnc.codegen.expressions import LOG2_E
from attnc.codegen.triton.backward import OPERANDS
from attnc.codegen.triton.blocks import targets
from attnc.codegen.triton.collect import Collected, collects, reduction
from attnc.codegen.triton.context import Context
from attnc.codegen.triton.copies import launch_arguments
from attnc.codegen.triton.host import (
    emit_extents,
    emit_inputs,
    emit_sizes,
    emit_tables,
    grid_argument,
    start_of,
    tiles_of,
)
from attnc.codegen.triton.sequences import emit_entries, emit_table

LIKE = {"dq": "q", "dk": "k", "dv": "v"}


def emit_gradients(queries: Context, keys: Context) -> None:
    """The function of the gradients, the autograd function, and `attention`."""
    _emit_backward(queries, keys)
    _emit_function(queries)
    _emit_attention(queries)


def _emit_backward(queries: Context, keys: Context) -> None:
    """`gradients(do, d_lse, q, k, v, out, lse, scale, ...)`."""
    out, inputs = queries.out, list(queries.inputs)
    given = ["do", "d_lse", "q", "k", "v", "out", "lse", "scale", *inputs, *places(queries)]
    with out.function("gradients", given, jit=False):
        wanted = "".join(f", {name}" for name in queries.wanted)
        out.line(
            f'"""The gradients of q, k, v{wanted}, from those of out and lse."""',
            "batch, heads, q_len, head_dim = q.shape",
            "kv_heads, k_len = k.shape[1:3]",
            "q, k, v, do = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k, v, do))",
            *_made(queries),
            "dq, dk, dv = new(q.shape), new(k.shape), new(v.shape)",
            "# What a row's weights are multiplied with adds up to delta.",
            "delta = (torch.linalg.vecdot(do.float(), out.float()) - d_lse).contiguous()",
            "# In base 2; a row without keys has weights 0.",
            f'lse = torch.where(lse == float("-inf"), float("inf"), lse * {LOG2_E}).contiguous()',
        )
        found = [(context, one) for context in (queries, keys) for one in collects(context)]
        for _, one in found:
            if not one.computed:
                _emit_sums(queries, one)
        if queries.sequences:
            emit_table(queries, start_of(queries))
            out.line("found = dq, dk, dv")
            emit_entries(queries, "q", "k", "v", "do", "lse", "delta")
            emit_entries(queries, "dq", "dk", "dv")
        emit_extents(queries)
        for context, one in found:
            if one.computed:
                tiles = tiles_of(context, context.owner, context.rows(context.owner))
                shape = f"(batch, heads, {tiles}, {one.block})"
                make = "q.new_zeros" if queries.sequences else "new"
                out.line(f"{one.label} = {make}({shape}, dtype=torch.float32)")
        emit_sizes(queries)
        emit_inputs(queries)
        with out.block("if dq.numel() and dk.numel():"):
            _emit_launch(queries)
            _emit_launch(keys)
        if queries.sequences:
            out.line("dq, dk, dv = found")
        _emit_tokens(queries, [one for _, one in found])
        results = ["dq", "dk", "dv"]
        for name in queries.wanted:
            _emit_input(queries, name, [one for _, one in found if one.name == name])
            results.append(f"d_{name}")
        out.line(f"return {', '.join(results)}")


def _emit_launch(context: Context) -> None:
    """The call of one kernel."""
    out, axis = context.out, context.owner
    heads = "heads" if axis == "q" else "kv_heads"
    out.line(f"tiles = {tiles_of(context, axis, context.rows(axis))}")
    tables = emit_tables(context)
    tensors = [y for x in (*OPERANDS, *targets(context)) for y in launch_arguments(context, x)]
    out.call(
        f"{context.prefix}[(tiles, {heads}, batch)]",
        [
            *tensors,
            "lse",
            "delta",
            *(["*lse.stride()[:2]"] if context.sequences else []),
            *(x for one in collects(context) for x in _sums_of(context, one)),
            "*sizes",
            "scale",
            *(["*inputs"] if context.inputs else []),
            *tables,
            f"BLOCK_M={context.rows('q')}",
            f"BLOCK_N={context.rows('k')}",
            f"num_warps={context.config.num_warps}",
            f"num_stages={context.config.num_stages}",
        ],
    )


def _emit_input(context: Context, name: str, found: list[Collected]) -> None:
    """The sums of an input, in its shape."""
    out, attr = context.out, context.inputs[name]
    if not attr.axis_names:
        out.line(f"d_{name} = {' + '.join(f'{one.label}.sum()' for one in found) or '0.0'}")
        return
    out.line(f"d_{name} = torch.zeros_like({name})")
    for one in found:
        subscripts, heads = reduction(one, attr)
        each = "" if heads == "h" else ".unflatten(1, (kv_heads, -1))"
        out.line(f'part = torch.einsum("{subscripts}", {one.label}{each})')
        if one.computed:
            more = f"{name}.shape[-1] - {one.block}"
            out.line(f"part = torch.nn.functional.pad(part, (0, {more}))  # or cut")
        if "token" in attr.axis_names and "q" in one.axes:
            axis = attr.axis_names.index("token") - len(attr.axis_names)
            out.line(f"part = placed(part, {axis}, tokens, {name}.shape[{axis}])")
        out.line(f"d_{name} += part.sum_to_size({name}.shape)")


def _emit_tokens(context: Context, found: list[Collected]) -> None:
    """Which tokens the queries are, where sums go to tokens."""
    tokens = [name for name, attr in context.inputs.items() if "token" in attr.axis_names]
    if not any(one.name in tokens and "q" in one.axes for one in found):
        return
    row = f"[0, 0, {start_of(context)}, q_len, k_len]"
    table = f"torch.tensor([{row}], device=q.device)"
    rows = "rows" if context.sequences else table
    context.out.line(f"tokens = tokens_of({rows}, len(dq), dq.shape[2])")


def _sums_of(context: Context, one: Collected) -> tuple[str, str]:
    """The sums of an input as a kernel takes them; sequences may share an entry of the batch."""
    label = one.label
    entries = f"{label}.expand(batch, *{label}.shape[1:])" if context.sequences else label
    return label, f"*{entries}.stride()[:-1]"


def _made(context: Context) -> list[str]:
    """How the gradients' tensors are made: with zeros where a kernel may leave out rows."""
    if context.sequences:
        return ["new = q.new_zeros  # for rows of no sequence"]
    return ["new = q.new_empty if min(q.shape + k.shape) else q.new_zeros  # no kernel runs then"]


def _emit_sums(context: Context, one: Collected) -> None:
    """Room for the sums of an input, [b, h, rows...]."""
    rows = "".join(f", {axis}_len" for axis in "qk" if axis in (one.axes or {"q"}))
    make = "q.new_zeros" if one.by_pair else "new"
    context.out.line(f"{one.label} = {make}((batch, heads{rows}), dtype=torch.float32)")


def places(context: Context) -> list[str]:
    """The parameters that say where tokens lie."""
    return [*grid_argument(context), *(["rows=None"] if context.sequences else [])]


def _arguments(context: Context) -> list[str]:
    """What a call hands on beside q, k, v and the scale."""
    return [*context.inputs, *(place.partition("=")[0] for place in places(context))]


def _emit_function(context: Context) -> None:
    """The autograd function."""
    out, inputs = context.out, _arguments(context)
    names = "".join(f", {name}" for name in inputs)
    keywords = "".join(f", {name}={name}" for name in inputs)
    kept = [name for name, attr in context.inputs.items() if attr.axis_names]
    others = [name for name in inputs if name not in kept]
    tensors = ", ".join(["q", "k", "v", "out", "lse", *kept])
    out.line("", "", "class Attention(torch.autograd.Function):")
    out.line('    """Both passes; keeps q, k, v, out and lse."""', "")
    out.line("    @staticmethod")
    with out.block(f"    def forward(ctx, q, k, v, scale{names}):"):
        numbers = "".join(f", {name}" for name in others)
        out.line(
            f"    out, lse = forward_pass(q, k, v, scale=scale, return_lse=True{keywords})",
            f"    ctx.save_for_backward({tensors})",
            f"    ctx.numbers = (scale{numbers or ','})",
            "    return out, lse",
        )
    out.line("", "    @staticmethod")
    with out.block("    def backward(ctx, d_out, d_lse):"):
        numbers = "".join(f", {name}" for name in others)
        found = ["dq", "dk", "dv", *(f"d_{name}" for name in context.wanted)]
        asked = f"[{', '.join(f'd_{n}' if n in context.wanted else 'None' for n in inputs)}]"
        out.line(
            f"    {tensors} = ctx.saved_tensors",
            f"    {'scale' + numbers if numbers else '(scale,)'} = ctx.numbers",
        )
        given = ["d_out", "d_lse", "q", "k", "v", "out", "lse", "scale", *inputs]
        out.call(f"    {', '.join(found)} = gradients", given)
        if not inputs:
            out.line("    return dq, dk, dv, None")
            return
        out.line(
            f"    asked = zip({asked}, ctx.needs_input_grad[4:], strict=True)",
            "    return dq, dk, dv, None, *(x if wanted else None for x, wanted in asked)",
        )


def _emit_attention(context: Context) -> None:
    """What a user calls."""
    out, inputs = context.out, _arguments(context)
    given = ["q", "k", "v", "*", "scale=None", "return_lse=False"]
    given += [*context.inputs, *places(context)]
    with out.function("attention", given, jit=False):
        out.line(
            '"""As `forward_pass`, and differentiable."""',
            "scale = q.shape[-1] ** -0.5 if scale is None else float(scale)",
            f"out, lse = Attention.apply(q, k, v, scale{''.join(f', {n}' for n in inputs)})",
            "return (out, lse) if return_lse else out",
        )
