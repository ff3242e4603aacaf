"""`split-residues`: a pattern that keeps to residue classes becomes a pattern on each of them.

Input: a relation. Output: the same within a class, and the step of the classes, if the pattern has
such classes and nothing else in the attention reads positions: a window with dilation 4 becomes a
plain window with step 4. Runs after what is said about positions themselves.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from attnc.compiler import fold
from attnc.compiler.dialects import attn
from attnc.compiler.dialects.axes import axis
from attnc.compiler.facts import all_of, attentions, relation_of, relation_op, the
from attnc.compiler.residues import classes
from attnc.dsl.parser import parse_expression
from attnc.dsl.printer import print_expr

POSITIONS = {"q", "k", "len", "qlen"}
ROWS = {"token", "q", "k"}


@dataclass(frozen=True)
class SplitResidues(ModulePass):
    """Replace the relation of each attention that falls into classes."""

    name: ClassVar[str] = "split-residues"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Attentions whose scores or inputs depend on positions stay as they are."""
        for attention in attentions(op):
            if attention.axes.data or _reads_positions(attention):
                continue
            found = classes(relation_of(attention))
            if found is not None:
                attention.properties["axes"] = ArrayAttr([axis(step=found.step)])
                new = relation_op(attention, print_expr(found.condition))
                Rewriter.replace_op(the(attention, attn.RelationOp), new, [])


def _reads_positions(attention: attn.AttentionOp) -> bool:
    scores = [parse_expression(op.value.data) for op in all_of(attention, attn.ScoreOp)]
    named = {name for score in scores for name in fold.names(score)}
    return bool(named & POSITIONS) or any({*i.axis_names} & ROWS for i in attention.inputs)
