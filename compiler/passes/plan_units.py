"""`plan-units`: the kernel of a pattern whose keys are chosen in units, query by query.

Input: the relation within the chosen units. Output: a tiling and its visits. The queries that chose
a unit meet all of its keys; where they lie is known at the call, so whether a tile needs the mask
is decided from their bounds.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass

from attnc.compiler import loops
from attnc.compiler.dialects import attn
from attnc.compiler.dialects.tile import number
from attnc.compiler.facts import attentions, relation_of
from attnc.compiler.intervals import bound
from attnc.compiler.passes.plan_visits import record
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Name


@dataclass(frozen=True)
class PlanUnits(ModulePass):
    """Units of `size` keys; a tile is of `keys` of them and visits `rows` queries at a time."""

    name: ClassVar[str] = "plan-units"
    size: int
    rows: int = 6
    keys: int = 64

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """All tiles are partial until they are pushed."""
        for attention in attentions(op):
            properties = {
                "q": number(self.rows),
                "k": number(self.keys),
                "owner": StringAttr("k"),
                "gathered": number(self.size),
            }
            attention.body.block.add_op(attn.TilingOp.build(properties=properties))
            verdict = bound(relation_of(attention).condition)
            record(attention, "full", "loops", [], verdict)
            record(attention, "partial", "loops", [self._tiles()], verdict)

    def _tiles(self) -> loops.Statement:
        """The tiles of the `members` of a unit."""
        ends = (
            parse_expression("0"),
            parse_expression(f"(members + {self.rows - 1}) div {self.rows}"),
        )
        return loops.Loop("t", *ends, 1, (loops.Visit(Name("t")),))
