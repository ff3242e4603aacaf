"""The nests that enumerate tiles: around the work itself, or in a kernel that fills a table."""

from collections.abc import Callable

from xdsl.ir import Block

from attnc.codegen.expressions import FLOAT, INT, Value
from attnc.codegen.triton.context import TILES, Context
from attnc.codegen.triton.lines import tidy
from attnc.codegen.triton.programs import emit_sequence
from attnc.codegen.triton.repeats import let_all
from attnc.codegen.triton.sets import emit_tile_bounds
from attnc.compiler.dialects import tile
from attnc.compiler.dialects.inputs import InputAttr

Push = Callable[[tile.PushOp], None]
ENDS = {"low": ("min", {INT: "2147483647", FLOAT: 'float("inf")'}),
        "high": ("max", {INT: "-2147483648", FLOAT: 'float("-inf")'})}  # fmt: skip


def emit_nest(context: Context, block: Block, push: Push) -> None:
    """Loops and conditions, with what `push` writes in place of each push."""
    out = context.out
    for op in block.ops:
        match op:
            case tile.ForOp():
                low, high = (tidy(context.text(op.properties[end].data)) for end in ("low", "high"))  # type: ignore[attr-defined]
                step = op.step.value.data
                ends = [low, high] if step == 1 else [low, high, str(step)]
                head = f"for {op.variable.data} in range({', '.join(ends)}):"
                if out.wide(head):
                    names = [out.fresh("low"), out.fresh("high")]
                    for name, end in zip(names, (low, high), strict=True):
                        out.let(name, end)
                    head = f"for {op.variable.data} in range({', '.join([*names, *ends[2:]])}):"
                with out.block(head):
                    emit_nest(context, op.body.block, push)
            case tile.IfOp():
                test = tidy(context.text(op.condition.data))
                if out.wide(f"if {test}:"):
                    name = out.fresh("when")
                    out.let(name, test)
                    test = name
                with out.block(f"if {test}:"):
                    emit_nest(context, op.body.block, push)
            case tile.PushOp():
                push(op)


def plan_signature(context: Context) -> dict[str, str]:
    """The arguments of the kernel that fills the tables, with their types."""
    return {**context.sizes, **context.input_signature(), **context.table_signature()}


def emit_planner(context: Context) -> None:
    """`plan`: one program per owned tile, head and sequence that have lists of their own."""
    out = context.out
    with out.function(f"{context.prefix}_plan", [*plan_signature(context)]):
        out.line('"""Lists the tiles of the other axis that each tile visits."""')
        own = TILES[context.owner]
        out.line(
            f"{own} = tl.program_id(0)",
            "h = tl.program_id(1)",
            "b = tl.program_id(2)",
            f"row = b * plan_sb + h * plan_sh + {own}",
        )
        emit_sequence(context)
        if context.grid:
            context.grid.emit_place(context)
        for name in context.tables:
            table = context.table(name)
            out.line(f"p_{table}_indices += tl.cast(row, tl.int64) * plan_columns")
            out.line(f"n_{table} = tl.full((), 0, tl.int32)")
        bounds = _emit_bounds(context, context.owner) if context.decided else {}
        inner = context.with_names(bounds)
        for visit in context.visits:
            if context.tabled(visit):
                emit_nest(inner, visit.plan.block, _Append(inner, visit.tile_class.data))
        for name in context.tables:
            table = context.table(name)
            out.line(f"tl.store(p_{table}_num_blocks + row, n_{table})")


class _Append:
    """Writes what puts a tile at the end of a list."""

    def __init__(self, context: Context, tile_class: str) -> None:
        self.context, self.tile_class = context, tile_class

    def __call__(self, op: tile.PushOp) -> None:
        context, out = self.context, self.context.out
        place = tidy(context.text(op.tile.data))
        if op.possible is None or op.certain is None:
            self.append(self.tile_class, place)
            return
        axis = context.visited
        mine = TILES[axis]
        if place != mine:
            out.let(mine, place)
        inner = context.with_names({**_emit_bounds(context, axis), **emit_tile_bounds(context)})
        grid = context.grid
        whole = f"({mine} + 1) * {context.rows(axis)} <= {axis}_len"
        whole = grid.whole(axis) if grid else whole
        possible, certain = (inner.text(test.data) for test in (op.possible, op.certain))
        let_all(out, possible=possible, certain=f"(({certain}) & ({whole}))")
        with out.block("if possible:"):
            if "full" not in context.tables:
                self.append("partial", mine)
                return
            with out.block("if certain:"):
                self.append("full", mine)
            with out.block("else:"):
                self.append("partial", mine)

    def append(self, tile_class: str, place: str) -> None:
        table = self.context.table(tile_class)
        self.context.out.line(f"tl.store(p_{table}_indices + n_{table}, {place})")
        self.context.out.line(f"n_{table} += 1")


def _emit_bounds(context: Context, axis: str) -> dict[str, Value]:
    """The least and the greatest position of a tile, and of what inputs hold at its rows."""
    if context.grid:
        found = context.grid.emit_ends(context, axis)
        data = any(_ranges(context, axis, attr) for attr in context.inputs.values())
        if data or context.set_tests:
            context.grid.emit_rows(context, axis)
    else:
        found = _emit_row_ends(context, axis)
    return found | _emit_input_ends(context, axis)


def _emit_row_ends(context: Context, axis: str) -> dict[str, Value]:
    """The first and the last position of a tile of consecutive rows."""
    out, size, name = context.out, context.rows(axis), TILES[axis]
    start = "q_start + " if axis == "q" else ""
    rows = 1 << (size - 1).bit_length()  # rows of the next tile only widen the bounds
    out.line(f"i_{axis} = {name} * {size} + tl.arange(0, {rows})")
    out.line(f"m_{axis} = i_{axis} < {axis}_len")
    out.line(f"{axis} = {start}i_{axis}")
    return {
        f"{axis}_low": Value(f"({start}{name} * {size})", INT),
        f"{axis}_high": Value(
            f"({start}tl.minimum({name} * {size} + {size - 1}, {axis}_len - 1))", INT
        ),
    }


def _ranges(context: Context, axis: str, attr: InputAttr) -> bool:
    """Whether an input has one number for each row of this axis."""
    mine = {"token", axis} & {*attr.axis_names} if attr.dtype.data != "set" else set()
    return bool(mine) and not {"d", "q", "k"} - {axis} & {*attr.axis_names}


def _emit_input_ends(context: Context, axis: str) -> dict[str, Value]:
    """The least and the greatest number that inputs hold at the rows of a tile."""
    found: dict[str, Value] = {}
    for label, attr in context.inputs.items():
        if not _ranges(context, axis, attr):
            continue
        index = ", ".join(axis if a in ("token", axis) else ("h" if a == "hkv" else a)
                          for a in attr.axis_names)  # fmt: skip
        read = context.text(f"{label}[{index}]")
        dtype = FLOAT if attr.dtype.data == "float" else INT
        for end, (least, others) in ENDS.items():
            low = f"{label}_{axis}_{end}"
            context.out.let(low, f"tl.{least}(tl.where(m_{axis}, {read}, {others[dtype]}))")
            found[low] = Value(low, dtype)
    return found
