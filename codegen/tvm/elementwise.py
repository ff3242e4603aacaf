"""What is done with each number of a block: score expressions, masks and maps, in one pass.

Operations that follow each other are computed together, one vector of pairs at a time; only the
results that something later reads are stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.ir import SSAValue

from attnc.codegen.expressions import FLOAT, Value, render
from attnc.codegen.tvm.blocks import Elementwise
from attnc.codegen.tvm.collect import Collected
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.lanes import emit_owned_positions, emit_visited_position, lane_target
from attnc.codegen.tvm.softmax import MASKED
from attnc.compiler.dialects import tile
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Binary, Compare, Expr, Name

LONGEST_COMMENT = 90
KEY_EXISTS = Compare(("<",), (Name("k"), Name("len")))
QUERY_EXISTS = Compare(("<",), (Name("q"), Name("q_end")))


@dataclass(frozen=True, slots=True)
class Places:
    """Where blocks live: parts of the scratch, and vectors of one number per visited row."""

    parts: Mapping[SSAValue, str]
    rows: Mapping[SSAValue, str]
    reads: Mapping[tile.CollectOp, Collected] = field(default_factory=dict)


def emit_elementwise(context: Context, steps: Sequence[Elementwise], places: Places) -> None:
    """Compute the results of the steps over a chunk, and store those that have a part."""
    if not steps:
        return
    out, m, placement = context.out, context.machine, context.placement
    now = m.keys // placement.abreast
    with out.block("for g in range(tiles_now):"), out.block(f"for j in range({now}):"):
        row = f"j * {placement.abreast}" if placement.few else "j"
        out.line(f"row: T.int32 = {context.list_name}[list_at + g] * {m.keys} + {row}")
        emit_visited_position(context, "row")
        known: dict[SSAValue, Value] = {}
        for block in dict.fromkeys(o for step in steps for o in step.operands):
            if block in places.rows:
                number = places.rows[block].format(f"T.min(row, {context.visited.length} - 1)")
                known[block] = Value(out.bind("row_value", number), FLOAT)
        with out.block(f"for v in T.unroll({m.vectors}):"):
            emit_owned_positions(context, "v")
            offset = f"(g * {now} + j) * {placement.width} + v * {m.lanes}"
            lanes = {
                block: Value(context.part(part, offset), FLOAT, m.lanes)
                for block, part in places.parts.items()
            }
            values = lanes | known
            for step in steps:
                out.line(f"# {_says(step)}")
                value = _value(context, step, values)
                if isinstance(step, tile.CollectOp):
                    places.reads[step].emit_add(value)
                else:
                    values[step.result] = Value(out.bind("s", value), FLOAT, m.lanes)
            for step in steps:
                for result in step.results:
                    if result in places.parts:
                        out.line(f"{lanes[result].text} = {values[result].text}")


def _says(step: Elementwise) -> str:
    """A step as the IR has it, cut where it is long."""
    text = f"only where {step.condition.data}" if isinstance(step, tile.MaskOp) else step.value.data
    return text if len(text) <= LONGEST_COMMENT else text[: LONGEST_COMMENT - 3] + "..."


def _value(context: Context, step: Elementwise, values: Mapping[SSAValue, Value]) -> str:
    """The text of a step's result for one vector."""
    match step:
        case tile.ScoreOp():
            return _rendered(context, step.value.data, {"s": values[step.block]})
        case tile.MapOp() | tile.CollectOp():
            named = zip(step.names, step.blocks, strict=True)
            return _rendered(context, step.value.data, {n.data: values[b] for n, b in named})
        case tile.MaskOp():
            score = values[step.block].text
            masked = context.real.constant(MASKED, context.machine.lanes)
            return f"T.Select({_keeps(context, step)}, {score}, {masked})"


def _rendered(context: Context, expression: str, blocks: dict[str, Value]) -> str:
    target = lane_target(context, "v", "row", blocks)
    value = target.cast(render(parse_expression(expression), target), FLOAT)
    value = value if value.lanes > 1 else target.splat(value, context.machine.lanes)
    return value.text


def _keeps(context: Context, step: tile.MaskOp) -> str:
    """The condition of a mask, with that for the pair to exist."""
    condition: Expr = Binary("and", KEY_EXISTS, parse_expression(step.condition.data))
    if context.visited.name == "q":
        condition = Binary("and", QUERY_EXISTS, condition)
    target = lane_target(context, "v", "row")
    keep = render(condition, target)
    keep = keep if keep.lanes > 1 else target.splat(keep, context.machine.lanes)
    return keep.text
