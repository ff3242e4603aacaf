"""What is done with one visited tile: a function for each class, which the kernel's loops call.

Scores lie with the owned rows first, so that every product is one of `tl.dot` without a transpose
of what was just computed.
"""

from dataclasses import dataclass, field, replace

from xdsl.ir import SSAValue

from attnc.codegen.expressions import FLOAT, INT, LOG2_E, Value
from attnc.codegen.triton.blocks import (
    head_pointer,
    of_gradients,
    owned_blocks,
    state,
    visited_operands,
    wide,
)
from attnc.codegen.triton.collect import collects
from attnc.codegen.triton.context import CHOICE, ROWS, TILES, Context
from attnc.codegen.triton.copies import emit_copy
from attnc.codegen.triton.grids import Grid
from attnc.codegen.triton.lines import IDENTIFIER, Lines, defined
from attnc.codegen.triton.loads import emit_parts, emit_row
from attnc.codegen.triton.mask import Mask
from attnc.codegen.triton.repeats import let_all
from attnc.codegen.triton.sums import emit_sums
from attnc.compiler.dialects import tile
from attnc.dsl.errors import NotBuiltForTarget

WEIGHTS = "exp(s - lse)"


def arguments(context: Context) -> list[str]:
    """The arguments of a visit, after the visited tile."""
    tensors = []
    for name in visited_operands(context):
        by_copy = name in context.described
        tensors += [f"desc_{name}"] if by_copy else [head_pointer(context, name), f"{name}_sn"]
    heads = ["b", "h", "h_kv", "heads", "group"]
    grid = context.grid
    points = [*grid.extents, *grid.points(context.owner)] if grid else []
    sizes = [*heads, *points, "q_row", "k_row", "q_start", "q_len", "k_len", "scale"]
    return [
        *state(context),
        *owned_blocks(context),
        f"i_{context.owner}",
        *tensors,
        *sizes,
        *context.input_signature(),
        *(name for one in collects(context) if one.by_pair for name in one.signature),
    ]


def emit_visit(context: Context, visit: tile.VisitOp) -> list[str]:
    """The function of one class of tiles; returns the arguments that it takes."""
    names = {"h": Value("h[:, None]", INT)} if context.packed > 1 else {}
    inner = replace(context.with_names(names), out=Lines(1))
    step = _Step(inner, visit.tile_class.data == "full")
    for op in visit.each.block.ops:
        step.emit(op)
    body = inner.out.text()
    above = step.positions(set(IDENTIFIER.findall(body)))
    used = set(IDENTIFIER.findall("\n".join([*above, body])))
    taken = [name for name in arguments(context) if name in used]
    blocks = [f"{context.block(a)}: tl.constexpr" for a in "qk"]
    name, place = f"{context.prefix}_{visit.tile_class.data}", TILES[context.visited]
    with context.out.function(name, [place, *taken, *blocks]):
        outside = "are not taken" if context.prefix == CHOICE else "weigh 0"
        every, rest = "every pair is in the pattern", f"pairs outside the pattern {outside}"
        said = every if step.full else rest
        context.out.line(f'"""A tile of which {said}."""')
        context.out.line(*above)
        context.out.paste(body)
        context.out.line(f"return {', '.join(state(context))}")
    return taken


@dataclass
class _Step:
    """Prints the operations of a visit."""

    context: Context
    full: bool
    blocks: dict[SSAValue, str] = field(default_factory=dict)
    exists: str = ""
    kept: str = "True"

    def __post_init__(self) -> None:
        for op in self.context.kernel.body.block.ops:
            if isinstance(op, tile.LoadOp):
                self.blocks[op.result] = op.operand_name.data
        self.exists = "" if self.full else "m_visited"

    def positions(self, used: set[str]) -> list[str]:
        """The rows and positions of both sides that the rest uses."""
        if self.context.grid:
            return self.points(self.context.grid, used)
        axis, own = self.context.visited, self.context.owner
        size, place = self.context.block(axis), TILES[axis]
        spread = {own: "[:, None]", axis: "[None, :]"}
        found = {
            "q": f"(q_start + i_q){spread['q']}",
            "k": f"i_k{spread['k']}",
            "x": f"r_{axis}[None, :]",
            "m_q": f"(i_q < q_len){spread['q']}",
            "m_k": f"(i_k < k_len){spread['k']}",
            "m_visited": f"i_{axis} < {axis}_len",
            f"i_{axis}": f"{place} * {size} + r_{axis}  # [{size}]",
            f"r_{axis}": f"tl.arange(0, {size})",
        }
        return defined(found, used)

    def points(self, grid: Grid, used: set[str]) -> list[str]:
        """The same of the points of boxes."""
        axis, own = self.context.visited, self.context.owner
        kept = {f"m_{own}": f"({grid.exist(own)})[:, None]", f"m_{axis}": "m_visited[None, :]"}
        kept |= {own: f"i_{own}[:, None]", axis: f"i_{axis}[None, :]"}
        kept |= dict(reversed(grid.visited(axis).items()))
        return [f"r_{axis} = tl.arange(0, {self.context.block(axis)})", *defined(kept, used)]

    def emit(self, op: object) -> None:
        match op:
            case tile.LoadOp():
                self.load(op)
            case tile.DotOp():
                self.dot(op)
            case tile.ScoreOp():
                self.score(op)
            case tile.MaskOp():
                self.mask(op)
            case tile.OnlineSoftmaxOp():
                self.softmax(op)
            case tile.AccumulateOp():
                self.accumulate(op)
            case tile.MapOp(value=value) if value.data == WEIGHTS:
                self.weights(op)
            case tile.MapOp():
                self.map(op)
            case tile.CollectOp():
                self.collect(op)
            case tile.KeepOp():
                self.keep(op)
            case _:
                raise NotBuiltForTarget(f"`{getattr(op, 'name', op)}`", "triton")

    def load(self, op: tile.LoadOp) -> None:
        """Rows of the visited tile."""
        context, name = self.context, op.operand_name.data
        axis = context.visited
        size = context.block(axis)
        self.blocks[op.result] = name
        pointer = head_pointer(context, name)
        if name in ROWS:
            emit_row(context, name, pointer, self.exists)
            return
        if name in context.described:
            emit_copy(context, name)
            return
        address = f"{pointer} + tl.cast(i_{axis}, tl.int64)[:, None] * {name}_sn"
        emit_parts(context, name, address, self.exists, size)

    def dot(self, op: tile.DotOp) -> None:
        """Owned rows times visited rows, part by part."""
        context, out = self.context, self.context.out
        left, right = self.blocks[op.left], self.blocks[op.right]
        scores = {left, right} == {"q", "k"}
        found = self.blocks[op.result] = "b_s" if scores else "b_dp"
        shape = f"[{context.block(context.owner)}, {context.block(context.visited)}]"
        for i, (suffix, *_) in enumerate(context.parts(left)):
            before = f", {found}" if i else ""
            out.line(
                f"{found} = tl.dot(b_{left}{suffix}, tl.trans(b_{right}{suffix}){before}"
                f"{context.precision})  # {shape}"
            )
        if context.scored and scores:
            out.line("b_s = b_s * scale")

    def score(self, op: tile.ScoreOp) -> None:
        """The score expression, on scores in natural units."""
        self.blocks[op.result] = "b_x"
        let_all(self.context.out, b_x=self.context.text(op.value.data))

    def mask(self, op: tile.MaskOp) -> None:
        """Minus infinity where the pair is not in the pattern or the key does not exist."""
        source = self.blocks[op.block]
        axis = self.context.visited
        kept = Mask(self.context, axis, exists=axis == "k").text(op.condition.data)
        if of_gradients(self.context):  # kept for the weights, which are 0 elsewhere
            self.blocks[op.result], self.kept = source, kept
            return
        self.blocks[op.result] = "b_w"
        if "^" in kept:
            self.context.out.line("# Between two bounds, exactly one of both comparisons holds.")
        let_all(self.context.out, b_w=f'tl.where({kept}, {source}, float("-inf"))')

    def softmax(self, op: tile.OnlineSoftmaxOp) -> None:
        """Weights under the running maximum, which is finite for rows without a key, too."""
        context, out, s = self.context, self.context.out, self.blocks[op.block]
        self.blocks[op.result] = "b_p"
        top = f"tl.max({s}, 1)" if context.scored else f"tl.max({s}, 1) * scale"
        out.line(f"b_top = tl.maximum(b_m, {top})")
        if context.scored:
            out.line(
                f"b_p = tl.exp2(({s} - b_top[:, None]) * {LOG2_E})",
                f"b_a = tl.exp2((b_m - b_top) * {LOG2_E})",
            )
        else:
            out.line(f"b_p = tl.exp2({s} * scale - b_top[:, None])", "b_a = tl.exp2(b_m - b_top)")
        out.line("b_l = b_l * b_a + tl.sum(b_p, 1)", "b_m = b_top")
        for suffix, *_ in context.parts("out"):
            out.line(f"b_out{suffix} = b_out{suffix} * b_a[:, None]")

    @property
    def spread_row(self) -> str:
        """How a number a query lies in a block."""
        return "[:, None]" if self.context.owner == "q" else "[None, :]"

    def weights(self, op: tile.MapOp) -> None:
        """The softmax's weights again, by its lse in base 2, plus infinity for blind rows."""
        s, _ = (self.blocks[block] for block in op.blocks)
        self.blocks[op.result] = "b_p"
        lse = f"b_lse{self.spread_row}"
        factor = LOG2_E if self.context.scored else f"(scale * {LOG2_E})"
        value = f"tl.exp2({s} * {factor} - {lse})"
        if self.kept != "True":
            value = f"tl.where({self.kept}, {value}, 0.0)"
        let_all(self.context.out, b_p=value)

    def map(self, op: tile.MapOp) -> None:
        """An expression of blocks: the gradient of the scores."""
        self.blocks[op.result] = "b_ds"
        inner = self.named(op)
        let_all(self.context.out, b_ds=inner.text(op.value.data))

    def named(self, op: tile.MapOp | tile.CollectOp) -> Context:
        """The context in which an operation's names are known."""
        names = {}
        for name, block in zip(op.names, op.blocks, strict=True):
            found = f"{self.blocks[block]}"
            if found in ROWS:
                found = f"b_{found}{self.spread_row}"
            names[name.data] = Value(found, FLOAT)
        return self.context.with_names(names)

    def collect(self, op: tile.CollectOp) -> None:
        """Part of the gradient of an input."""
        one = next(one for one in collects(self.context) if one.is_of(op))
        emit_sums(self.context, one, self.named(op).text(op.value.data))

    def keep(self, op: tile.KeepOp) -> None:
        """Take the scores of the tile into the lists of the best."""
        kept = wide(op.count.value.data)
        ranked = f"ranked({self.blocks[op.block]}, i_k)"
        self.context.out.line(f"b_best = best_of(b_best, {ranked}, {kept})")

    def accumulate(self, op: tile.AccumulateOp) -> None:
        """Weights times visited rows, part by part."""
        context, out = self.context, self.context.out
        weights, rows, target = self.blocks[op.weights], self.blocks[op.values], op.target.data
        for suffix, *_ in context.parts(target):
            total, block = f"b_{target}{suffix}", f"b_{rows}{suffix}"
            factors = f"{weights}.to({block}.dtype), {block}, {total}"
            out.line(f"{total} = tl.dot({factors}{context.precision})")
