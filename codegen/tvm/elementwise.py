"""Score expressions and masks, applied to the scores of a chunk one vector of queries at a time."""

from attnc.codegen.expressions import FLOAT, Value, render
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.exponential import LOG2_E
from attnc.codegen.tvm.lanes import emit_owned_positions, emit_visited_position, lane_target
from attnc.codegen.tvm.softmax import MASKED
from attnc.compiler.dialects import tile
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Binary, Compare, Name

LONGEST_COMMENT = 90
KEY_EXISTS = Compare(("<",), (Name("k"), Name("len")))
QUERY_EXISTS = Compare(("<",), (Name("q"), Name("q_end")))
Step = tile.ScoreOp | tile.MaskOp


def emit_elementwise(context: Context, steps: list[Step]) -> None:
    """Rewrite the scores in place: first the score expression, then the mask, as the visit says."""
    if not steps:
        return
    out, m, rows = context.out, context.machine, context.rows
    with out.block("for g in range(tiles_now):"), out.block(f"for j in range({m.keys}):"):
        out.line(f"row: T.int32 = {context.list_name}[list_at + g] * {m.keys} + j")
        emit_visited_position(context, "row")
        with out.block(f"for v in T.unroll({m.vectors}):"):
            emit_owned_positions(context, "v")
            place = context.part("scores", f"(g * {m.keys} + j) * {rows} + v * {m.lanes}")
            score = place
            for step in steps:
                out.line(f"# {_says(step)}")
                score = out.bind("s", _apply(context, step, score))
            out.line(f"{place} = {score}")


def _says(step: Step) -> str:
    """A step as the IR has it, cut where it is long."""
    text = (
        step.value.data if isinstance(step, tile.ScoreOp) else f"only where {step.condition.data}"
    )
    return text if len(text) <= LONGEST_COMMENT else text[: LONGEST_COMMENT - 3] + "..."


def _apply(context: Context, step: Step, score: str) -> str:
    lanes = context.machine.lanes
    target = lane_target(context, "v", "row", {"s": Value(score, FLOAT, lanes)})
    if isinstance(step, tile.ScoreOp):
        value = target.cast(render(parse_expression(step.value.data), target), FLOAT)
        value = value if value.lanes > 1 else target.splat(value, lanes)
        return f"{value.text} * {context.real.constant(LOG2_E, lanes)}"
    keep = render(Binary("and", KEY_EXISTS, parse_expression(step.condition.data)), target)
    keep = keep if keep.lanes > 1 else target.splat(keep, lanes)
    return f"T.Select({keep.text}, {score}, {context.real.constant(MASKED, lanes)})"
