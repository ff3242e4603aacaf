"""`split-atoms`: what isl can decide, apart from what only the tensors of a call can.

Input: an attention with one condition. Output: `attn.relation`, two isl sets around the pattern.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from attnc.compiler.dialects import attn
from attnc.compiler.facts import attentions, condition_relation, the


@dataclass(frozen=True)
class SplitAtoms(ModulePass):
    """Replace the mask's condition by the relation between its bounds."""

    name: ClassVar[str] = "split-atoms"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """One `attn.relation` for each attention."""
        for attention in attentions(op):
            mask = the(attention, attn.MaskOp)
            pairs = the(attention, attn.PairsOp)
            relation = condition_relation(attention, pairs.condition.data)
            properties = {
                "condition": pairs.condition,
                "upper": StringAttr(relation.upper.text),
            }
            if not relation.exact:
                properties["lower"] = StringAttr(relation.lower.text)
            new = attn.RelationOp.build(properties=properties)
            attention.body.block.insert_op_before(new, mask)
            Rewriter.erase_op(mask)
            Rewriter.erase_op(pairs)
