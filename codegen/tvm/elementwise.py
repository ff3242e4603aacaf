"""What is done with each number of a block: score expressions, masks and maps, in one pass.

Operations that follow each other are computed together, one vector of pairs at a time; only the
results that something later reads are stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.ir import SSAValue

from attnc.codegen.expressions import FLOAT, Value, render
from attnc.codegen.tvm.axes import KEYS, QUERIES
from attnc.codegen.tvm.blocks import Elementwise
from attnc.codegen.tvm.collect import Collected
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.lanes import emit_owned_positions, emit_visited_position, lane_target
from attnc.codegen.tvm.softmax import MASKED
from attnc.compiler.dialects import tile
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Binary, Expr

LONGEST_COMMENT = 90


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
        emit_visited_position(context, context.geometry.first(context, "list_at + g"), row)
        known: dict[SSAValue, Value] = {}
        for block in dict.fromkeys(o for step in steps for o in step.operands):
            if block in places.rows:
                lie = context.geometry
                held = lie.tensor_row(f"T.min(row, {lie.last(context.visited)})")
                number = places.rows[block].format(held)
                known[block] = Value(out.bind("row_value", number), FLOAT)
        with context.each_vector() as vector:
            emit_owned_positions(context, "v")
            offset = f"(g * {now} + j) * {context.abreast * m.lanes} + {vector} * {m.lanes}"
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
    condition: Expr = parse_expression(step.condition.data)
    for side in (KEYS, QUERIES) if context.owned is KEYS else (KEYS,):
        exists = context.geometry.row_exists(side, owned=side is context.owned)
        condition = Binary("and", exists, condition)
    target = lane_target(context, "v", "row")
    keep = render(condition, target)
    keep = keep if keep.lanes > 1 else target.splat(keep, context.machine.lanes)
    return keep.text
