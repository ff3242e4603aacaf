"""`specialise`: a full tile carries no mask arithmetic.

Input: a kernel whose visits all mask. Output: the masks of full tiles are gone, and so are visits
whose plan is empty and that no candidate can move to.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from attnc.compiler.dialects import tile


@dataclass(frozen=True)
class Specialise(ModulePass):
    """Take the mask out of every full visit, and empty visits out of the kernel."""

    name: ClassVar[str] = "specialise"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Change the kernels in place."""
        for visit in [v for v in op.walk() if isinstance(v, tile.VisitOp)]:
            if visit.tile_class.data != "full":
                continue
            for mask in [m for m in visit.each.block.ops if isinstance(m, tile.MaskOp)]:
                Rewriter.replace_op(mask, [], [mask.block])
        for kernel in [k for k in op.walk() if isinstance(k, tile.KernelOp)]:
            _drop_empty(kernel)


def _drop_empty(kernel: tile.KernelOp) -> None:
    """A visit is empty if its plan is and no other plan pushes to its class at run time."""
    moving = any(isinstance(p, tile.PushOp) and p.certain is not None for p in kernel.walk())
    for visit in [v for v in kernel.body.block.ops if isinstance(v, tile.VisitOp)]:
        fed = moving and visit.tile_class.data == "full"
        if not visit.plan.block.ops and not fed:
            Rewriter.erase_op(visit)
