"""`narrow`: positions, and coordinates of points, are 32-bit numbers.

Input: a relation, exact for every length. Output: the relation for positions below 2^30, in which
comparisons that no such position can decide otherwise (`2^31 <= q - k`) are folded away. Runs after
`prove`, whose verdicts are for every length.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from attnc.compiler import ranges
from attnc.compiler.dialects import attn
from attnc.compiler.facts import attentions, float_numbers, relation_op, the
from attnc.dsl.parser import parse_expression
from attnc.dsl.printer import print_expr


@dataclass(frozen=True)
class Narrow(ModulePass):
    """Fold the comparisons that 30 bits of position decide."""

    name: ClassVar[str] = "narrow"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Replace each relation that changes."""
        for attention in attentions(op):
            old = the(attention, attn.RelationOp)
            condition = parse_expression(old.condition.data)
            narrowed = ranges.narrow(condition, ranges.LONGEST, float_numbers(attention))
            if narrowed != condition:
                Rewriter.replace_op(old, relation_op(attention, print_expr(narrowed)), [])
