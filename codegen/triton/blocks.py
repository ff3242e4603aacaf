"""The names of a kernel's blocks: operands of the owned and visited tiles, and what it sums up."""

from attnc.codegen.triton.collect import collects
from attnc.codegen.triton.context import CHOICE, FORWARD, ROWS, Context
from attnc.compiler.dialects import tile


def wide(count: int) -> int:
    """The places of a list of so many: a power of two, as blocks have."""
    return max(2, 1 << (count - 1).bit_length())


def state(context: Context) -> list[str]:
    """What one visit hands to the next: the softmax's maximum and sum, and the accumulators."""
    if context.prefix == FORWARD:
        return ["b_m", "b_l", *blocks_of(context, "out")]
    if context.prefix == CHOICE:
        return ["b_best"]
    sums = [name for target in targets(context) for name in blocks_of(context, target)]
    return [*sums, *(f"b_{one.label}" for one in collects(context) if one.visited)]


def of_gradients(context: Context) -> bool:
    """Whether it is a kernel of the backward pass."""
    return context.prefix not in (FORWARD, CHOICE)


def targets(context: Context) -> list[str]:
    """The accumulators of a kernel, in the order in which they are stored."""
    stores = (op for op in context.kernel.body.block.ops if isinstance(op, tile.StoreOp))
    return [op.target.data for op in stores]


def blocks_of(context: Context, name: str) -> list[str]:
    """The names of the parts of a block."""
    if name in ROWS:
        return [f"b_{name}"]
    return [f"b_{name}{suffix}" for suffix, *_ in context.parts(name)]


def head_pointer(context: Context, name: str) -> str:
    """The pointer to the visited rows of a head: where heads are looped over, not an argument."""
    return f"p_{name}" if context.owner == "q" else f"p_{name}_h"


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
    return [block for name in owned_operands(context) for block in blocks_of(context, name)]
