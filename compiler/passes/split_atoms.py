"""`split-atoms`: what isl can decide, apart from what only the tensors of a call can.

Input: an attention with one condition. Output: `attn.relation`, two isl sets around the pattern.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from attnc.compiler.dialects import attn
from attnc.compiler.facts import attentions, relation_op, the


@dataclass(frozen=True)
class SplitAtoms(ModulePass):
    """Replace the mask's condition by the relation between its bounds."""

    name: ClassVar[str] = "split-atoms"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """One `attn.relation` for each attention."""
        for attention in attentions(op):
            mask = the(attention, attn.MaskOp)
            pairs = the(attention, attn.PairsOp)
            new = relation_op(attention, pairs.condition.data)
            attention.body.block.insert_op_before(new, mask)
            Rewriter.erase_op(mask)
            Rewriter.erase_op(pairs)
