"""What a work-group does with one tile of keys, in four phases with barriers between them."""

from contextlib import nullcontext

from attnc.codegen.expressions import FLOAT, INT, LOG2_E, Value
from attnc.codegen.tvm_gpu.context import Context
from attnc.codegen.tvm_gpu.layout import ACROSS, DOWN, ITEMS
from attnc.compiler.dialects import tile

SYNC = "T.tvm_storage_sync('shared')"
LOWEST = "T.float32('-inf')"


def emit_visit(context: Context, visit: tile.VisitOp) -> None:
    """Visit the tile of keys `tile`: scores, weights under the running maximum, outputs."""
    out, layout = context.out, context.layout
    full = visit.tile_class.data == "full"
    out.line(SYNC)
    _emit_load(context, "k", layout.head_dim, full)
    out.line(SYNC)
    _emit_scores(context)
    out.line(SYNC)
    _emit_load(context, "v", layout.value_dim, full)
    _emit_weights(context, visit)
    out.line(SYNC)
    _emit_outputs(context)


def _emit_load(context: Context, operand: str, width: int, full: bool) -> None:
    """Bring the rows of an operand to shared memory; keys that do not exist are zeros."""
    layout = context.layout
    emit_copy(
        context,
        ("visited", layout.key_stride),
        (f"{operand}_rows", f"{operand}_at + T.Cast('int64', tile) * {layout.keys * width}"),
        (layout.keys, width),
        "" if full else f"k_len - tile * {layout.keys}",
    )


def emit_copy(
    context: Context,
    to: tuple[str, int],
    source: tuple[str, str],
    shape: tuple[int, int],
    exist: str = "",
    factor: str = "",
) -> None:
    """Rows of a tensor to a shared array, neighbours by neighbours; `exist` of them, if given."""
    (array, stride), (name, at), (rows, width) = to, source, shape
    out, words = context.out, rows * width
    value = f"{name}[{at} + e]"
    if exist:
        value = f"T.if_then_else(e // {width} < {exist}, {value}, T.float32(0))"
    with out.block(f"for i in range({-(-words // ITEMS)}):"):
        out.line(f"e: T.int32 = i * {ITEMS} + item")
        with out.block(f"if e < {words}:") if words % ITEMS else nullcontext():
            out.line(f"{array}[e // {width} * {stride} + e % {width}] = {value}{factor}")


def _emit_scores(context: Context) -> None:
    """Products of queries and keys: each work-item has a block of them in registers."""
    out, layout = context.out, context.layout
    rows, keys = layout.own_rows, layout.own_keys
    block = f"for i, j in T.grid({rows}, {keys}):"
    own = f"s_own[i * {keys} + j]"
    row, key = f"(down + {DOWN} * i)", f"(across + {ACROSS} * j)"
    with out.block(block):
        out.line(f"{own} = T.float32(0)")
    with out.block(f"for d in range({layout.head_dim}):"), out.block(block):
        out.line(
            f"{own} = {own} + queries[{row} * {layout.query_stride} + d]"
            f" * visited[{key} * {layout.key_stride} + d]"
        )
    with out.block(block):
        out.line(f"scores[{row} * {layout.score_stride} + {key}] = {own}")


def _emit_weights(context: Context, visit: tile.VisitOp) -> None:
    """The score expression, the mask, and the online softmax of each row."""
    out, layout = context.out, context.layout
    times = f"range({layout.keys // layout.lanes})"
    place = f"softmax_row * {layout.score_stride} + lane + {layout.lanes} * j"
    out.line("top[0] = state[0]")
    with out.block(f"for j in {times}:"):
        out.line(f"w_own[j] = {_score(context, visit, place)}", "top[0] = T.max(top[0], w_own[j])")
    out.line("parts[item] = top[0]", SYNC)
    with out.block(f"for j in range({layout.lanes}):"):
        out.line(f"top[0] = T.max(top[0], parts[softmax_row * {layout.lanes} + j])")
    scale = f" * T.float32({LOG2_E})" if context.scored else ""
    out.line(
        f"safe: T.let = T.Select(top[0] == {LOWEST}, T.float32(0), top[0])",
        f"factor: T.let = T.exp2((state[0] - safe){scale})",
        "state[0] = top[0]",
        "state[1] = state[1] * factor",
    )
    with out.block("if lane == 0:"):
        out.line("factors[softmax_row] = factor")
    with out.block(f"for j in {times}:"):
        out.line(
            f"w_own[j] = T.exp2((w_own[j] - safe){scale})",
            f"scores[{place}] = w_own[j]",
            "state[1] = state[1] + w_own[j]",
        )


def _score(context: Context, visit: tile.VisitOp, place: str) -> str:
    """The score of key `j` of a work-item's row, minus infinity outside of the pattern."""
    out, layout, text = context.out, context.layout, f"scores[{place}]"
    steps = [op for op in visit.each.block.ops if isinstance(op, tile.ScoreOp | tile.MaskOp)]
    if not steps:
        return text
    out.line(f"key: T.int32 = tile * {layout.keys} + lane + {layout.lanes} * j")
    out.line("position: T.int32 = T.min(key, k_len - 1)")
    for op in steps:
        name = out.fresh("s")
        out.line(f"{name}: T.let = {text}")
        here = context.with_names(
            {"q": Value("q", INT), "k": Value("position", INT), "s": Value(name, FLOAT)}
        )
        if isinstance(op, tile.ScoreOp):
            text = here.text(op.value.data)
        else:
            kept = f"T.And(key < k_len, {here.text(op.condition.data)})"
            text = f"T.Select({kept}, {name}, {LOWEST})"
    return text


def _emit_outputs(context: Context) -> None:
    """Weights times values: each work-item has a block of the output in registers."""
    out, layout = context.out, context.layout
    rows, columns = layout.own_rows, layout.own_columns
    own, row = f"out_own[i * {columns} + j]", f"(down + {DOWN} * i)"
    block = f"for i, j in T.grid({rows}, {columns}):"
    with out.block(block):
        out.line(f"{own} = {own} * factors[{row}]")
    with out.block(f"for n in range({layout.keys}):"), out.block(block):
        out.line(
            f"{own} = {own} + scores[{row} * {layout.score_stride} + n]"
            f" * visited[n * {layout.key_stride} + across + {ACROSS} * j]"
        )
