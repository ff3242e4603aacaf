"""`plan-span`: one loop, from the first to the last tile that a query tile has to do with.

Input: a relation and a tiling. Output: one `attn.visits`, of partial tiles: where a mask costs
little beside what is done with a score, one call with it is better than many that tell tiles apart.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from attnc.compiler import loops
from attnc.compiler.dialects import attn
from attnc.compiler.facts import attentions, relation_of, the
from attnc.compiler.passes.plan_visits import record
from attnc.compiler.sets import OPERATIONS, guard
from attnc.compiler.tiles import live_tiles


@dataclass(frozen=True)
class PlanSpan(ModulePass):
    """Record the visits; `assume` are facts about lengths and run-time integers, as isl text."""

    name: ClassVar[str] = "plan-span"
    assume: tuple[str, ...] = ()

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """The tiles of a convex set that holds all that have a pair."""
        for attention in attentions(op):
            tiling, relation = the(attention, attn.TilingOp), relation_of(attention)
            rows, keys = tiling.queries, int(tiling.k.value.data)
            with guard(OPERATIONS):
                span = live_tiles(relation, rows, keys, self.assume).convex()
            plan = loops.plan(span, relation, "t", rows, self.assume, keys)
            record(attention, "partial", "loops", plan.nest, None)
