"""`choose-tiles`: the tile map with the least work.

Input: a relation. Output: `attn.tiling`. The work of a candidate is the number of pairs it visits
at a reference length, counted exactly, times what a pair costs at that tile size.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr, UnitAttr
from xdsl.ir import Attribute
from xdsl.passes import ModulePass

from attnc.compiler.counts import census
from attnc.compiler.dialects import attn
from attnc.compiler.dialects.tile import number
from attnc.compiler.facts import attentions, relation_of
from attnc.compiler.relation import Relation

REFERENCE = {"q_start": 0, "k_start": 0, "q_len": 4096, "k_len": 4096}


@dataclass(frozen=True)
class ChooseTiles(ModulePass):
    """`rows` are the heights of an owned tile to choose from, `costs` what a pair costs, in %.

    `keys` is the height of a visited tile, `owner` the side that is owned; `packed` heads lie in
    the rows, and the keys may be `split`, as in `attn.tiling`.
    """

    name: ClassVar[str] = "choose-tiles"
    rows: tuple[int, ...] = (48,)
    costs: tuple[int, ...] = (100,)
    keys: int = 8
    owner: str = "q"
    packed: int = 1
    split: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Record the cheapest candidate."""
        for attention in attentions(op):
            relation = relation_of(attention)
            best = min(
                zip(self.rows, self.costs, strict=True),
                key=lambda candidate: self.work(relation, *candidate),
            )
            q, k = self.tile(best[0])
            properties: dict[str, Attribute] = {
                "q": number(q),
                "k": number(k),
                "owner": StringAttr(self.owner),
                "packed": number(self.packed),
            }
            if self.split:
                properties["split"] = UnitAttr()
            attention.body.block.add_op(attn.TilingOp.build(properties=properties))

    def tile(self, rows: int) -> tuple[int, int]:
        """Queries and keys of a tile that owns this many rows."""
        return (rows, self.keys) if self.owner == "q" else (self.keys, rows)

    def work(self, relation: Relation, rows: int, cost: int) -> int:
        """Visited pairs times cost; where lengths alone do not fix the set, the cost only."""
        if len(self.rows) == 1 or relation.runtime or relation.uses_batch:
            return cost
        return census(relation, *self.tile(rows), **REFERENCE).visited * cost
