"""The plan of one owned tile: which tiles to visit, as two lists in the thread's scratch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

from xdsl.ir import Block

from attnc.codegen.expressions import INT, Value, render
from attnc.codegen.tvm.axes import KEYS
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.lanes import DTYPES, row_element, scalar_target
from attnc.codegen.tvm.marks import covered, emit_tile_bounds
from attnc.codegen.tvm.target import TvmTarget
from attnc.compiler.dialects import tile
from attnc.compiler.dialects.inputs import InputAttr
from attnc.dsl.parser import parse_expression

FULL, PARTIAL = 0, 1
GROUP = 8  # tiles
LISTS = {"full": FULL, "partial": PARTIAL}
Append = Callable[[Context, int], None]


def emit_plan(
    context: Context, visits: list[tile.VisitOp], append: Append, decide: bool = True
) -> None:
    """Enumerate the tiles of both classes; `count[0]` and `count[1]` become their numbers.

    Without `decide`, what run-time tensors would drop or move stays where it is.
    """
    out = context.out
    out.line("count[0] = 0", "count[1] = 0")
    with out.block(f"if {context.visited.length} > 0:"):
        out.line("pass")
        for visit in visits:
            out.line(f"# the {visit.tile_class.data} tiles")
            _Plan(context, LISTS[visit.tile_class.data], append, decide).nest(visit.plan.block)


@dataclass(frozen=True)
class _Plan:
    """Prints the plan of one class."""

    context: Context
    target_list: int
    append: Append
    decide: bool

    def nest(self, block: Block) -> None:
        out = self.context.out
        if not block.ops:
            return
        for op in block.ops:
            match op:
                case tile.ForOp():
                    self.loop(op)
                case tile.IfOp():
                    with out.block(f"if {self.text(op.condition.data)}:"):
                        self.nest(op.body.block)
                case tile.PushOp():
                    self.push(op)
                case _:
                    raise AssertionError(f"no plan for {op.name}")

    def loop(self, op: tile.ForOp) -> None:
        out, variable, step = self.context.out, op.variable.data, op.step.value.data
        low, high = out.fresh("low"), out.fresh("high")
        out.line(f"{low}: T.int32 = {self.text(op.low.data)}")
        out.line(f"{high}: T.int32 = {self.text(op.high.data)}")
        if self.decide and (found := self.candidate(op)):
            self.groups(found, variable, low, high, op.body.block)
            return
        trips = f"{high} - {low}" if step == 1 else f"({high} - {low} + {step - 1}) // {step}"
        with out.block(f"for {variable}_i in range(T.max(0, {trips})):"):
            turn = f"{variable}_i" if step == 1 else f"{variable}_i * {step}"
            out.line(f"{variable}: T.int32 = {low} + {turn}")
            self.nest(op.body.block)

    def candidate(self, op: tile.ForOp) -> tile.PushOp | None:
        """The one push of a loop over neighbouring tiles, where groups of tiles can be refused."""
        inside = list(op.body.block.ops)
        push = inside[0] if len(inside) == 1 else None
        if not isinstance(push, tile.PushOp) or push.possible is None:
            return None
        plain = op.step.value.data == 1 and push.tile.data == op.variable.data
        return push if plain and covered(_wide(self.context)) else None

    def groups(self, push: tile.PushOp, variable: str, low: str, high: str, body: Block) -> None:
        """The loop in two levels: a group of tiles none of whose pairs is possible is left out."""
        out, possible = self.context.out, push.possible
        assert possible is not None
        groups = f"T.floordiv({high} + {GROUP - 1}, {GROUP}) - T.floordiv({low}, {GROUP})"
        with out.block(f"for group_i in range(T.max(0, {groups})):"):
            out.line(f"tile: T.int32 = T.floordiv({low}, {GROUP}) + group_i")
            target = emit_visited_bounds(_wide(self.context))
            out.line(
                f"group_low: T.int32 = T.max({low}, tile * {GROUP})",
                f"group_high: T.int32 = T.min({high}, tile * {GROUP} + {GROUP})",
            )
            test = out.bind("possible", render(parse_expression(possible.data), target).text)
            tiles = f"for {variable}_i in range(T.max(0, group_high - group_low)):"
            with out.block(f"if {test}:"), out.block(tiles):
                out.line(f"{variable}: T.int32 = group_low + {variable}_i")
                self.nest(body)

    def push(self, op: tile.PushOp) -> None:
        out = self.context.out
        out.line(f"tile: T.int32 = {self.text(op.tile.data)}")
        if not self.decide or op.possible is None or op.certain is None:
            self.append(self.context, self.target_list)
            return
        target = emit_visited_bounds(self.context)
        possible = render(parse_expression(op.possible.data), target).text
        certain = render(parse_expression(op.certain.data), target).text
        whole = _whole(self.context)
        # Bound to names, as TVM's passes think about the conditions of branches for seconds.
        possible, certain = out.bind("possible", possible), out.bind("certain", certain)
        with out.block(f"if {possible}:") if op.possible.data != "true" else nullcontext():
            with out.block(f"if T.And({whole}, {certain}):"):
                self.append(self.context, FULL)
            with out.block("else:"):
                self.append(self.context, PARTIAL)

    def text(self, expression: str) -> str:
        return render(parse_expression(expression), scalar_target(self.context)).text


def _wide(context: Context) -> Context:
    """The context of a group of tiles as if it were one."""
    return replace(context, machine=replace(context.machine, keys=GROUP * context.machine.keys))


def _whole(context: Context) -> str:
    """Whether all rows exist that a tile without a mask needs: visited ones, and all keys."""
    _, exist = context.geometry.candidates(context)
    whole = f"{context.machine.keys} <= {exist}"
    if context.owned is KEYS:
        whole = f"T.And({whole}, {context.geometry.all_exist(context)})"
    return whole


def append_to_list(context: Context, which: int) -> None:
    """Put `tile` at the end of one of the thread's lists."""
    context.out.line(
        f"lists[lists_at + {which} * {context.visited.word}_tiles + count[{which}]] = tile",
        f"count[{which}] = count[{which}] + 1",
    )


def emit_joined(context: Context) -> None:
    """Put the tiles with a mask behind those without, in the thread's scratch."""
    room = f"{context.visited.word}_tiles"
    with context.out.block("for i in range(count[1]):"):
        context.out.line(f"lists[lists_at + count[0] + i] = lists[lists_at + {room} + i]")


@contextmanager
def emit_chunks(context: Context) -> Iterator[None]:
    """Walk the listed tiles, a chunk at a time: those without a mask, then those with one.

    The products are written once for both classes, which halves the code to compile, and short
    lists fill one chunk: `full_now` of its tiles need no mask arithmetic.
    """
    out, chunk = context.out, context.machine.chunk
    first = context.list_at
    skipped, count = "", "listed"
    if context.split:
        _emit_share(context)
        skipped, count = " - share_first", "(share_end - share_first)"
        first += " + share_first"
    with out.block(f"for i in range(({count} + {chunk - 1}) // {chunk}):"):
        out.line(
            f"list_left: T.int32 = {count} - i * {chunk}",
            f"tiles_now: T.int32 = T.min({chunk}, list_left)",
            f"full_left: T.int32 = count[0]{skipped} - i * {chunk}",
            "full_now: T.int32 = T.max(0, T.min(full_left, tiles_now))",
            f"list_at: T.int64 = {first} + i * {chunk}",
        )
        yield


def _emit_share(context: Context) -> None:
    """The contiguous part of the listed tiles that this share visits."""
    chunk = context.machine.chunk
    context.out.line(
        f"chunks: T.int32 = (listed + shares * {chunk} - 1) // (shares * {chunk})",
        f"share_first: T.int32 = T.min(share * chunks * {chunk}, listed)",
        f"share_end: T.int32 = T.min(share_first + chunks * {chunk}, listed)",
    )


@contextmanager
def each_tile(context: Context, tile_class: str) -> Iterator[None]:
    """A loop over the tiles `g` of a class in a chunk."""
    if tile_class == "full":
        with context.out.block("for g in range(full_now):"):
            yield
        return
    with context.out.block("for behind in range(tiles_now - full_now):"):
        context.out.line("g: T.int32 = full_now + behind")
        yield


def emit_owned_bounds(context: Context) -> None:
    """The bounds over the owned tile of the inputs that have one number per row of it."""
    out, axis = context.out, context.owned.name
    for name, attr in context.row_inputs.items():
        dtype = DTYPES[attr.dtype.data]
        kind = context.dtype(dtype)
        buffer = "copies" if dtype == INT else "f"
        out.line(f"in_{name}_{axis} = T.alloc_buffer((2,), '{kind}', {LOCAL})")
        out.line(*(f"in_{name}_{axis}[{i}] = {buffer}[in_{name}_at]" for i in (0, 1)))
        with out.block(f"for r in range({context.rows}):"):
            _widen(context, f"in_{name}_{axis}", f"{buffer}[in_{name}_at + r]")


def emit_visited_bounds(context: Context) -> TvmTarget:
    """The bounds of the inputs over the candidate tile, and the names of all bounds."""
    owned, visited = context.owned, context.visited
    target = scalar_target(context)
    names = {**target.names, **context.geometry.emit_bounds(context)}
    for name, attr in context.inputs.items():
        dtype, axes = DTYPES[attr.dtype.data], {*attr.axis_names}
        if name in context.row_inputs:
            names |= _ends(name, owned.name, dtype)
        if {"token", visited.name} & axes and not {owned.name, "d"} & axes:
            names |= _ends(name, visited.name, dtype)
            _emit_scan(context, attr)
    found = TvmTarget(context.out, names, target.reader, context.real)
    sets = emit_tile_bounds(context, found)
    return replace(found, names=names | sets)


def _ends(name: str, axis: str, dtype: str) -> dict[str, Value]:
    return {
        f"{name}_{axis}_{end}": Value(f"in_{name}_{axis}[{i}]", dtype)
        for i, end in enumerate(("low", "high"))
    }


def _emit_scan(context: Context, attr: InputAttr) -> None:
    """Minimum and maximum of an input over the existing rows of the candidate tile."""
    out, size, visited, lie = context.out, context.machine.keys, context.visited, context.geometry
    tile_first, exist = lie.candidates(context)
    kind, ends = context.dtype(DTYPES[attr.dtype.data]), f"in_{attr.label.data}_{visited.name}"
    first = row_element(context, attr, visited, f"({lie.row(tile_first, 0)})")
    out.line(f"{ends} = T.alloc_buffer((2,), '{kind}', {LOCAL})")
    out.line(*(f"{ends}[{i}] = {first}" for i in (0, 1)))
    with out.block(f"for r in range(T.min({size}, {exist})):"):
        _widen(context, ends, row_element(context, attr, visited, f"({lie.row(tile_first, 'r')})"))


def _widen(context: Context, ends: str, value: str) -> None:
    context.out.line(
        f"{ends}[0] = T.min({ends}[0], {value})", f"{ends}[1] = T.max({ends}[1], {value})"
    )
