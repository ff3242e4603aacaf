"""What is done with each number of a block: score expressions, masks and maps, in one pass.

Operations that follow each other are computed together, one vector of pairs at a time; only the
results that something later reads are stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.ir import SSAValue

from attnc.codegen.expressions import FLOAT, LOG2_E, Value, render
from attnc.codegen.tvm.axes import KEYS, QUERIES
from attnc.codegen.tvm.blocks import Elementwise
from attnc.codegen.tvm.collect import Collected
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.exponential import exp2
from attnc.codegen.tvm.lanes import emit_owned_positions, emit_visited_position, lane_target
from attnc.codegen.tvm.softmax import MASKED, WEIGHTS
from attnc.codegen.tvm.visits import each_tile
from attnc.compiler.dialects import tile
from attnc.compiler.dialects.blocks import WEIGHT
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Binary, Expr

LONGEST_COMMENT = 90


@dataclass(frozen=True, slots=True)
class Places:
    """Where blocks live: parts of the scratch, and vectors of one number per visited row."""

    parts: Mapping[SSAValue, str]
    rows: Mapping[SSAValue, str]
    reads: Mapping[tile.CollectOp, Collected] = field(default_factory=dict)


def emit_elementwise(
    context: Context, tile_class: str, steps: Sequence[Elementwise], places: Places
) -> None:
    """Compute the steps over a chunk's tiles of a class, and store the results that have a part."""
    if not steps:
        return
    out, m, placement = context.out, context.machine, context.placement
    now = m.keys // placement.abreast
    with each_tile(context, tile_class), out.block(f"for j in range({now}):"):
        row = f"j * {placement.abreast}" if placement.few else "j"
        known = emit_row_values(context, steps, places, row)
        with context.each_vector() as vector:
            offset = f"(g * {now} + j) * {context.abreast * m.lanes} + {vector} * {m.lanes}"
            lanes = {
                block: Value(context.part(part, offset), FLOAT, m.lanes)
                for block, part in places.parts.items()
            }
            values = emit_values(context, steps, places, lanes | known)
            for block in results(steps, places):
                out.line(f"{lanes[block].text} = {values[block].text}")


def results(steps: Sequence[Elementwise], places: Places) -> list[SSAValue]:
    """The results that are stored."""
    return [result for step in steps for result in step.results if result in places.parts]


def emit_row_values(
    context: Context, steps: Sequence[Elementwise], places: Places, row: str
) -> dict[SSAValue, Value]:
    """The position of row `row` of visited tile `g`, and the numbers that belong to it."""
    lie = context.geometry
    emit_visited_position(context, lie.first(context, "list_at + g"), row)
    known: dict[SSAValue, Value] = {}
    for block in dict.fromkeys(o for step in steps for o in step.operands):
        if block in places.rows:
            held = lie.tensor_row(f"T.min(row, {lie.last(context.visited)})")
            number = places.rows[block].format(held)
            known[block] = Value(context.out.bind("row_value", number), FLOAT)
    return known


def emit_values(
    context: Context,
    steps: Sequence[Elementwise],
    places: Places,
    values: Mapping[SSAValue, Value],
) -> dict[SSAValue, Value]:
    """Compute the steps for vector `v` of the owned rows: what was known, and their results."""
    out, found = context.out, dict(values)
    emit_owned_positions(context, "v")
    for step in steps:
        out.line(f"# {_says(step)}")
        value = _value(context, step, found)
        if isinstance(step, tile.CollectOp):
            places.reads[step].emit_add(value)
        else:
            found[step.result] = Value(out.bind("s", value), FLOAT, context.machine.lanes)
    return found


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
            blocks = {n.data: values[b] for n, b in named}
            if step.value.data == WEIGHT:
                return _weight(context, blocks["s"], blocks["lse"])
            return _rendered(context, step.value.data, blocks)
        case tile.MaskOp():
            score = values[step.block].text
            masked = context.real.constant(MASKED, context.machine.lanes)
            return f"T.Select({_keeps(context, step)}, {score}, {masked})"


def _weight(context: Context, score: Value, lse: Value) -> str:
    """The weight of a pair, by the CPU's own instructions where it has them."""
    m = context.machine
    difference = f"({score.text} - T.broadcast({lse.text}, {m.lanes}))"
    units = Value(f"({difference} * {m.real.constant(LOG2_E, m.lanes)})", FLOAT, m.lanes)
    real = WEIGHTS if context.paired else m.real
    return exp2(context.out, units, real, m.scale, m.fraction).text


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
