"""`prove`: every assertion, for every length or the one that it names.

Input: a relation and assertions. Output: the assertions with verdicts and counterexamples.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass

from attnc.compiler.dialects import attn
from attnc.compiler.facts import all_of, attentions, relation_of
from attnc.compiler.proofs import prove
from attnc.dsl.parser import parse_assertion


@dataclass(frozen=True)
class Prove(ModulePass):
    """Fill in the verdict of each assertion."""

    name: ClassVar[str] = "prove"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Refuted assertions keep their counterexample; nothing is raised here."""
        for attention in attentions(op):
            if not all_of(attention, attn.AssertOp):
                continue
            relation = relation_of(attention)
            cross = bool(attention.cross.value.data)
            for statement in all_of(attention, attn.AssertOp):
                claim = parse_assertion(f"assert {statement.claim.data}")
                proof = prove(claim, relation, cross)
                statement.properties["verdict"] = StringAttr(proof.verdict)
                if proof.counterexample is not None:
                    text = StringAttr(str(proof.counterexample))
                    statement.properties["counterexample"] = text
