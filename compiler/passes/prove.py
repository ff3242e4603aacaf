"""`prove`: every assertion, for every length or the one that it names.

Input: a relation and assertions. Output: the assertions with verdicts and counterexamples.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass

from attnc.compiler.dialects import attn
from attnc.compiler.facts import all_of, attentions, float_numbers, labels, relation_of, the
from attnc.compiler.proofs import Proof, prove, prove_on_grid
from attnc.compiler.proofs.points import GridMask
from attnc.dsl.parser import parse_assertion, parse_expression
from attnc.dsl.syntax import AssertStatement


@dataclass(frozen=True)
class Prove(ModulePass):
    """Fill in the verdict of each assertion."""

    name: ClassVar[str] = "prove"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Refuted assertions keep their counterexample; nothing is raised here."""
        for attention in attentions(op):
            if not all_of(attention, attn.AssertOp):
                continue
            for statement in all_of(attention, attn.AssertOp):
                claim = parse_assertion(f"assert {statement.claim.data}")
                proof = _proof(attention, claim)
                statement.properties["verdict"] = StringAttr(proof.verdict)
                if proof.counterexample is not None:
                    text = StringAttr(str(proof.counterexample))
                    statement.properties["counterexample"] = text


def _proof(attention: attn.AttentionOp, claim: AssertStatement) -> Proof:
    """The proof of a claim about the relation, on a sequence or on a grid."""
    if not labels(attention):
        return prove(claim, relation_of(attention), bool(attention.cross.value.data))
    condition = parse_expression(the(attention, attn.RelationOp).condition.data)
    named = ((one.label.data, one.extent.data) for one in attention.axes)
    axes = tuple((name, int(n) if n.isdigit() else n) for name, n in named)
    heads = int(attention.heads.value.data) or None
    return prove_on_grid(claim, GridMask(condition, axes, heads, float_numbers(attention)))
