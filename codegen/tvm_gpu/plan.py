"""The nests that enumerate tiles: around the work itself, or in a kernel that fills tables."""

from collections.abc import Callable
from contextlib import nullcontext

from xdsl.ir import Block

from attnc.codegen.expressions import INT, Value
from attnc.codegen.tvm_gpu.context import DTYPES, TABLES, Context
from attnc.compiler.dialects import tile

Push = Callable[[tile.PushOp], None]


def emit_nest(context: Context, block: Block, push: Push) -> None:
    """Loops and conditions, with what `push` writes in place of each push."""
    out = context.out
    for op in block.ops:
        match op:
            case tile.ForOp():
                low, high = (out.fresh(end) for end in ("low", "high"))
                step, variable = op.step.value.data, op.variable.data
                out.line(f"{low}: T.int32 = {context.text(op.low.data)}")
                out.line(f"{high}: T.int32 = {context.text(op.high.data)}")
                trips = (
                    f"({high} - {low} + {step - 1}) // {step}" if step > 1 else f"{high} - {low}"
                )
                with out.block(f"for {variable}_i in range(T.max(0, {trips})):"):
                    turn = f"{variable}_i * {step}" if step > 1 else f"{variable}_i"
                    out.line(f"{variable}: T.int32 = {low} + {turn}")
                    emit_nest(context, op.body.block, push)
            case tile.IfOp():
                with out.block(f"if {context.text(op.condition.data)}:"):
                    emit_nest(context, op.body.block, push)
            case tile.PushOp():
                push(op)


def emit_tables(context: Context) -> None:
    """The tables of one tile of queries: a single work-item lists its tiles."""
    out = context.out
    out.line("row: T.int32 = b * plan_sb + h * plan_sh + t")
    out.line("first: T.int64 = T.Cast('int64', row) * plan_columns")
    out.line("count = T.alloc_buffer((2,), 'int32', scope='local')", "count[0] = 0", "count[1] = 0")
    ends = _emit_ends(context, "q") if context.decided else {}
    inner = context.with_names(ends)
    for name in context.tables:
        emit_nest(inner, context.visits[name].plan.block, _Append(inner, name))
    for name in context.tables:
        out.line(f"{TABLES[name]}_num_blocks[row] = count[{_place(name)}]")


def _place(name: str) -> int:
    return list(TABLES).index(name)


class _Append:
    """Writes what puts a tile at the end of a list."""

    def __init__(self, context: Context, tile_class: str) -> None:
        self.context, self.tile_class = context, tile_class

    def __call__(self, op: tile.PushOp) -> None:
        context, out = self.context, self.context.out
        out.line(f"tile: T.int32 = {context.text(op.tile.data)}")
        if op.possible is None or op.certain is None:
            self.append(self.tile_class)
            return
        inner = context.with_names(_emit_ends(context, "k"))
        whole = f"(tile + 1) * {context.layout.keys} <= k_len"
        possible, certain = inner.text(op.possible.data), inner.text(op.certain.data)
        always = op.possible.data == "true"
        with nullcontext() if always else out.block(f"if {possible}:"):
            with out.block(f"if T.And({whole}, {certain}):"):
                self.append("full")
            with out.block("else:"):
                self.append("partial")

    def append(self, tile_class: str) -> None:
        count = f"count[{_place(tile_class)}]"
        self.context.out.line(
            f"{TABLES[tile_class]}_indices[first + {count}] = tile", f"{count} = {count} + 1"
        )


def _emit_ends(context: Context, axis: str) -> dict[str, Value]:
    """The least and the greatest position of a tile, and of what inputs hold at its rows."""
    out, layout = context.out, context.layout
    size, place = (layout.rows, "t") if axis == "q" else (layout.keys, "tile")
    start = "q_start" if axis == "q" else "0"
    low, high = f"{place} * {size}", f"T.min({place} * {size} + {size}, {axis}_len) - 1"
    found = {
        f"{axis}_low": Value(f"({start} + {low})", INT),
        f"{axis}_high": Value(f"({start} + {high})", INT),
    }
    for name, attr in context.inputs.items():
        if not {"token", axis} & {*attr.axis_names} or {"d", *"qk"} - {axis} & {*attr.axis_names}:
            continue
        kind = DTYPES[attr.dtype.data]
        ends = f"{name}_{axis}_ends"
        out.line(f"{ends} = T.alloc_buffer((2,), '{kind}', scope='local')")
        index = ", ".join(
            axis if label in ("token", axis) else "h" if label == "hkv" else label
            for label in attr.axis_names
        )

        def item(row: str, name: str = name, index: str = index) -> str:
            here = context.with_names({axis: Value(f"({start} + {row})", INT)})
            return here.text(f"{name}[{index}]")

        out.line(*(f"{ends}[{i}] = {item(low)}" for i in (0, 1)))
        with out.block(f"for r in range(T.min({size}, {axis}_len - {low})):"):
            value = item(f"{low} + r")
            out.line(f"{ends}[0] = T.min({ends}[0], {value})")
            out.line(f"{ends}[1] = T.max({ends}[1], {value})")
        found[f"{name}_{axis}_low"] = Value(f"{ends}[0]", kind)
        found[f"{name}_{axis}_high"] = Value(f"{ends}[1]", kind)
    return found
