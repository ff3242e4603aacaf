"""What is done with one visited tile: a function for each class, which the kernel's loops call.

Scores lie with the owned rows first, so that every product is one of `tl.dot` without a transpose
of what was just computed.
"""

import re
from dataclasses import dataclass, field, replace

from xdsl.ir import SSAValue

from attnc.codegen.expressions import LOG2_E
from attnc.codegen.triton.context import Context
from attnc.codegen.triton.lines import Lines
from attnc.codegen.triton.mask import Mask
from attnc.compiler.dialects import tile
from attnc.dsl.errors import NotBuiltForTarget

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def state(context: Context) -> list[str]:
    """What one visit hands to the next: the softmax's maximum and sum, and the accumulators."""
    return ["b_m", "b_l", *(f"b_out{suffix}" for suffix, *_ in context.parts("out"))]


def owned_operands(context: Context) -> list[str]:
    """The operands of the owned tile."""
    ops = context.kernel.body.block.ops
    return [op.operand_name.data for op in ops if isinstance(op, tile.LoadOp)]


def visited_operands(context: Context) -> list[str]:
    """The operands of a visited tile, in the order in which they are first read."""
    loads = (op for v in context.visits for op in v.each.block.ops if isinstance(op, tile.LoadOp))
    return list(dict.fromkeys(op.operand_name.data for op in loads))


def owned_blocks(context: Context) -> list[str]:
    """The names of the blocks of the owned tile."""
    names = owned_operands(context)
    return [f"b_{name}{suffix}" for name in names for suffix, *_ in context.parts(name)]


def arguments(context: Context) -> list[str]:
    """The arguments of a visit, after the visited tile."""
    tensors = []
    for name in visited_operands(context):
        tensors += [f"p_{name}", f"{name}_sn"]
    sizes = ["b", "h", "group", "q_start", "q_len", "k_len", "scale"]
    return [
        *state(context),
        *owned_blocks(context),
        "i_q",
        *tensors,
        *sizes,
        *context.input_signature(),
    ]


def emit_visit(context: Context, visit: tile.VisitOp) -> list[str]:
    """The function of one class of tiles; returns the arguments that it takes."""
    inner = replace(context, out=Lines(1))
    step = _Step(inner, visit.tile_class.data == "full")
    for op in visit.each.block.ops:
        step.emit(op)
    body = inner.out.text()
    above = step.positions(set(IDENTIFIER.findall(body)))
    used = set(IDENTIFIER.findall("\n".join([*above, body])))
    taken = [name for name in arguments(context) if name in used]
    blocks = [f"{context.block(a)}: tl.constexpr" for a in "qk"]
    with context.out.function(f"forward_{visit.tile_class.data}", ["c", *taken, *blocks]):
        said = "every pair is in the pattern" if step.full else "pairs outside the pattern weigh 0"
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

    def __post_init__(self) -> None:
        for op in self.context.kernel.body.block.ops:
            if isinstance(op, tile.LoadOp):
                self.blocks[op.result] = op.operand_name.data
        self.exists = "" if self.full else "m_visited"

    def positions(self, used: set[str]) -> list[str]:
        """The rows and positions of both sides that the rest uses."""
        size = self.context.block("k")
        found = {
            "m_visited": "i_k < k_len",
            "q": "(q_start + i_q)[:, None]",
            "k": "i_k[None, :]",
            "x": "r_k[None, :]",
            "m_q": "(i_q < q_len)[:, None]",
            "m_k": "(i_k < k_len)[None, :]",
        }
        return [
            f"r_k = tl.arange(0, {size})",
            f"i_k = c * {size} + r_k  # [{size}]",
            *(f"{name} = {text}" for name, text in found.items() if name in used),
        ]

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
            case _:
                raise NotBuiltForTarget(f"`{getattr(op, 'name', op)}`", "triton")

    def load(self, op: tile.LoadOp) -> None:
        """Rows of the visited tile."""
        context, out, name = self.context, self.context.out, op.operand_name.data
        size = context.block("k")
        self.blocks[op.result] = name
        out.line(f"o_{name} = tl.cast(c, tl.int64) * ({size} * {name}_sn)")
        emit_parts(context, name, f"p_{name} + o_{name}", "r_k", self.exists, size)

    def dot(self, op: tile.DotOp) -> None:
        """Owned rows times visited rows, part by part."""
        context, out = self.context, self.context.out
        left, right = self.blocks[op.left], self.blocks[op.right]
        self.blocks[op.result] = "b_s"
        shape = f"[{context.block('q')}, {context.block('k')}]"
        for i, (suffix, *_) in enumerate(context.parts(left)):
            before = ", b_s" if i else ""
            out.line(
                f"b_s = tl.dot(b_{left}{suffix}, tl.trans(b_{right}{suffix}){before}"
                f"{context.precision})  # {shape}"
            )
        if context.scored:
            out.line("b_s = b_s * scale")

    def score(self, op: tile.ScoreOp) -> None:
        """The score expression, on scores in natural units."""
        self.blocks[op.result] = "b_x"
        self.context.out.let("b_x", self.context.text(op.value.data))

    def mask(self, op: tile.MaskOp) -> None:
        """Minus infinity where the pair is not in the pattern or the key does not exist."""
        source = self.blocks[op.block]
        self.blocks[op.result] = "b_w"
        kept = Mask(self.context, "k", exists=True).text(op.condition.data)
        self.context.out.let("b_w", f'tl.where({kept}, {source}, float("-inf"))')

    def softmax(self, op: tile.OnlineSoftmaxOp) -> None:
        """Weights under the running maximum, which is minus infinity for rows without a key yet."""
        context, out, s = self.context, self.context.out, self.blocks[op.block]
        self.blocks[op.result] = "b_p"
        top = f"tl.max({s}, 1)" if context.scored else f"tl.max({s}, 1) * scale"
        out.line(
            f"b_top = tl.maximum(b_m, {top})",
            'b_safe = tl.where(b_top == float("-inf"), 0.0, b_top)',
        )
        if context.scored:
            out.line(
                f"b_p = tl.exp2(({s} - b_safe[:, None]) * {LOG2_E})",
                f"b_a = tl.exp2((b_m - b_safe) * {LOG2_E})",
            )
        else:
            out.line(f"b_p = tl.exp2({s} * scale - b_safe[:, None])", "b_a = tl.exp2(b_m - b_safe)")
        out.line("b_l = b_l * b_a + tl.sum(b_p, 1)", "b_m = b_top")
        for suffix, *_ in context.parts("out"):
            out.line(f"b_out{suffix} = b_out{suffix} * b_a[:, None]")

    def accumulate(self, op: tile.AccumulateOp) -> None:
        """Weights times visited rows, part by part."""
        context, out = self.context, self.context.out
        weights, rows, target = self.blocks[op.weights], self.blocks[op.values], op.target.data
        for suffix, *_ in context.parts(target):
            total, block = f"b_{target}{suffix}", f"b_{rows}{suffix}"
            factors = f"{weights}.to({block}.dtype), {block}, {total}"
            out.line(f"{total} = tl.dot({factors}{context.precision})")


def emit_parts(context: Context, name: str, base: str, rows: str, exists: str, size: str) -> None:
    """Load the rows of an operand, part by part."""
    for suffix, at, wide, true in context.parts(name):
        columns = f"({at} + tl.arange(0, {wide}))" if at else f"tl.arange(0, {wide})"
        masks = [f"{exists}[:, None]"] if exists else []
        if true < wide:
            masks.append(f"(tl.arange(0, {wide}) < {true})[None, :]")
        rest = [f"mask={' & '.join(masks)}", "other=0.0"] if masks else []
        context.out.call(
            f"b_{name}{suffix} = tl.load",
            [f"{base} + {rows}[:, None] * {name}_sn + {columns}[None, :]", *rest],
            comment=f"[{size}, {wide}]",
        )
