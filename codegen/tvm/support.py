"""What the CPU printer can print: everything else is refused, never approximated."""

from collections.abc import Iterator

from attnc.compiler.dialects import tile
from attnc.compiler.fold import walk
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Exists

TARGET = "cpu"
PLANS = (tile.VisitOp, tile.ForOp, tile.IfOp, tile.PushOp)
STEPS = (tile.LoadOp, tile.DotOp, tile.ScoreOp, tile.MaskOp, tile.OnlineSoftmaxOp)
PRINTED = (tile.KernelOp, *PLANS, *STEPS, tile.AccumulateOp, tile.FinishOp)


def refuse_unprintable(kernel: tile.KernelOp) -> None:
    """Raise `NotBuiltForTarget` for a kernel that asks for more than this printer knows."""
    for feature in _unprintable(kernel):
        raise NotBuiltForTarget(feature, TARGET)


def _unprintable(kernel: tile.KernelOp) -> Iterator[str]:
    if kernel.owner.data != "q":
        yield "a kernel that owns keys"
    if kernel.packed.value.data != 1:
        yield "packing the heads of a group"
    if kernel.rows is not None or kernel.keys is not None:
        yield "a tile map that is not consecutive"
    if kernel.dtype.data not in ("float32", "float64"):
        yield f"dtype {kernel.dtype.data}"
    for op in kernel.walk():
        if not isinstance(op, PRINTED):
            yield op.name
        if isinstance(op, tile.MaskOp) and _searches(op.condition.data):
            yield "`exists` over a range of many values"
        if isinstance(op, tile.FinishOp) and op.normalizer.data != "softmax":
            yield f"normalize {op.normalizer.data}"


def _searches(condition: str) -> bool:
    """Whether a condition asks for a value that inlining could not write out."""
    return any(isinstance(node, Exists) for node in walk(parse_expression(condition)))
