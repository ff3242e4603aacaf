"""`simplify`: one condition for the whole mask.

Input: an attention whose mask is a tree of set operations. Output: one `attn.pairs`. The rules are
data: an operation and how the conditions of its operands combine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from attnc.compiler import fold
from attnc.compiler.dialects import attn
from attnc.compiler.facts import attentions, the
from attnc.dsl.parser import parse_expression
from attnc.dsl.printer import print_expr
from attnc.dsl.syntax import Expr

RULES: dict[type[Operation], Callable[..., Expr]] = {
    attn.UnionOp: lambda a, b: fold.disjunction(a, b),
    attn.IntersectOp: lambda a, b: fold.conjunction(a, b),
    attn.DifferenceOp: lambda a, b: fold.conjunction(a, fold.negation(b)),
    attn.ComplementOp: lambda a: fold.negation(a),
}


@dataclass(frozen=True)
class Simplify(ModulePass):
    """Fold the set operations of each mask into one condition."""

    name: ClassVar[str] = "simplify"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Replace the mask's operand and erase what it was made of."""
        for attention in attentions(op):
            mask = the(attention, attn.MaskOp)
            condition = StringAttr(print_expr(_condition(mask.pairs)))
            pairs = attn.PairsOp.build(
                properties={"condition": condition}, result_types=[attn.PairsType()]
            )
            attention.body.block.insert_op_before(pairs, mask)
            mask.operands = [pairs.result]
            _erase_unused(attention, keep=pairs)


def _condition(value: SSAValue) -> Expr:
    owner = value.owner
    assert isinstance(owner, Operation)
    if isinstance(owner, attn.PairsOp):
        return parse_expression(owner.condition.data)
    return RULES[type(owner)](*map(_condition, owner.operands))


def _erase_unused(attention: attn.AttentionOp, keep: Operation) -> None:
    for op in reversed(list(attention.body.block.ops)):
        if op.results and op is not keep and not op.results[0].uses.get_length():
            Rewriter.erase_op(op)
