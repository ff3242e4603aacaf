"""What the CPU printer can print: everything else is refused, never approximated."""

from collections.abc import Iterator

from attnc.codegen.questions import searches
from attnc.codegen.tvm.context import gradients_of
from attnc.compiler.dialects import tile
from attnc.dsl.errors import NotBuiltForTarget

TARGET = "cpu"
PLANS = (tile.VisitOp, tile.ForOp, tile.IfOp, tile.PushOp)
STEPS = (tile.LoadOp, tile.DotOp, tile.ScoreOp, tile.MaskOp)
FORWARD = (*STEPS, tile.OnlineSoftmaxOp, tile.AccumulateOp, tile.FinishOp)
CHOICE = (*STEPS, tile.KeepOp, tile.StoreOp)
BACKWARD = (*STEPS, tile.MapOp, tile.CollectOp, tile.AccumulateOp, tile.StoreOp)


def refuse_unprintable(kernel: tile.KernelOp) -> None:
    """Raise `NotBuiltForTarget` for a kernel that asks for more than this printer knows."""
    for feature in _unprintable(kernel):
        raise NotBuiltForTarget(feature, TARGET)


def _unprintable(kernel: tile.KernelOp) -> Iterator[str]:
    if kernel.owner.data == "k" and (kernel.packed.value.data != 1 or kernel.split is not None):
        yield "packed heads and split tiles where keys are owned"
    if len(kernel.axes) and (kernel.packed.value.data != 1 or kernel.split is not None):
        yield "tiles of few queries on a grid or in a residue class"
    keeps = any(isinstance(op, tile.KeepOp) for op in kernel.walk())
    backward = gradients_of(kernel)
    printed = BACKWARD if backward else CHOICE if keeps else FORWARD
    if keeps and (kernel.split is not None or kernel.dtype.data not in ("float32", "float64")):
        yield f"choosing by scores of dtype {kernel.dtype.data}, or by split kernels"
    for op in kernel.walk():
        if not isinstance(op, (tile.KernelOp, *PLANS, *printed)):
            yield op.name
        if isinstance(op, tile.MaskOp) and searches(op.condition.data):
            yield "`exists` over a range of many values"
        if isinstance(op, tile.FinishOp) and op.normalizer.data != "softmax":
            yield f"normalize {op.normalizer.data}"
