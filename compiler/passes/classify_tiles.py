"""`classify-tiles`: which tiles a kernel visits, and which of them need no mask.

Input: a relation and a tiling. Output: `attn.classes`, two isl sets with symbolic lengths.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass

from attnc.compiler.dialects import attn
from attnc.compiler.facts import attentions, labels, relation_of, the
from attnc.compiler.tiles import visits


@dataclass(frozen=True)
class ClassifyTiles(ModulePass):
    """Record the full and the partial tiles; `assume` are facts about the lengths, as isl text."""

    name: ClassVar[str] = "classify-tiles"
    assume: tuple[str, ...] = ()

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Where run-time tensors decide, every live tile is partial here and may become full.

        The tiles of a grid are products over its axes, which `plan-visits` classifies one by one.
        """
        for attention in attentions(op):
            if labels(attention):
                continue
            tiling, relation = the(attention, attn.TilingOp), relation_of(attention)
            keys = int(tiling.k.value.data)
            tiles = visits(relation, tiling.queries, keys, self.assume, tiling.owner.data)
            full, partial = tiles.whole, tiles.masked
            if not relation.exact:
                full, partial = tiles.live - tiles.live, tiles.live
            properties = {"full": StringAttr(full.text), "partial": StringAttr(partial.text)}
            attention.body.block.add_op(attn.ClassesOp.build(properties=properties))
