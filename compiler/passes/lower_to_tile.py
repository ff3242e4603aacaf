"""`lower-to-tile`: from what to how.

Input: an attention with its tiling and visits. Output: a `tile.kernel` in its place, in which
every visit still carries the mask; `specialise` takes it out of the full ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from xdsl.builder import Builder
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from attnc.compiler.dialects import attn, tile
from attnc.compiler.dialects.blocks import OPERANDS
from attnc.compiler.dialects.units import UnitsAttr
from attnc.compiler.elaborate import Units
from attnc.compiler.facts import all_of, attentions, the

OWNED = {"q": ("q",), "k": ("k", "v")}


@dataclass(frozen=True)
class LowerToTile(ModulePass):
    """Write the forward kernel of each attention, or the one that keeps the `best` scores."""

    name: ClassVar[str] = "lower-to-tile"
    best: int = 0
    units: Units | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Replace each attention by its kernel."""
        for attention in attentions(op):
            Rewriter.replace_op(attention, self._kernel(attention), [])

    def _kernel(self, attention: attn.AttentionOp) -> tile.KernelOp:
        if self.best:
            return choice(attention, self.best, self.units)
        return forward(attention, the(attention, attn.TilingOp).owner.data)


def choice(attention: attn.AttentionOp, best: int, units: Units | None) -> tile.KernelOp:
    """The kernel that keeps the best scores of each query, and their keys or units."""
    body = Block()
    at = Builder(InsertPoint.at_end(body))
    owned = {"q": at.insert(load("q", "qd")).result}
    for visits in all_of(attention, attn.VisitsOp):
        block = Block()
        inside = Builder(InsertPoint.at_end(block))
        masked = _masked(attention, owned, inside)
        kept: dict[str, Attribute] = {"count": tile.number(best)}
        if units is not None:
            kept["units"] = _units(units)
        inside.insert(tile.KeepOp.build(operands=[masked], properties=kept))
        at.insert(visit(visits, block))
    at.insert(tile.StoreOp.build(properties={"target": StringAttr("picks")}))
    return kernel(attention, body, owner="q")


def _units(units: Units) -> UnitsAttr:
    return UnitsAttr(
        tile.number(units.key_size),
        tile.number(units.key_stride),
        tile.number(units.size),
        tile.number(units.stride),
        StringAttr(units.first),
        StringAttr(units.end),
        StringAttr("hkv" if units.together else "h"),
    )


def forward(attention: attn.AttentionOp, owner: str) -> tile.KernelOp:
    """The forward kernel of an attention, which owns tiles of one side."""
    body = Block()
    at = Builder(InsertPoint.at_end(body))
    owned = {name: at.insert(load(name, OPERANDS[name])).result for name in OWNED[owner]}
    for visits in all_of(attention, attn.VisitsOp):
        at.insert(visit(visits, _each(attention, owned)))
    kind = the(attention, attn.NormalizeOp).kind
    at.insert(tile.FinishOp.build(properties={"normalizer": kind, "target": StringAttr("out")}))
    return kernel(attention, body, owner)


def kernel(attention: attn.AttentionOp, body: Block, owner: str) -> tile.KernelOp:
    """A kernel with the sizes and the tiling of the attention."""
    tiling = the(attention, attn.TilingOp)
    kept = (
        "sym_name", "heads", "kv_heads", "head_dim", "value_dim", "dtype", "cross", "inputs",
        "axes",
    )  # fmt: skip
    properties = {name: attention.properties[name] for name in kept}
    properties |= {"tile_q": tiling.q, "tile_k": tiling.k, "owner": StringAttr(owner)}
    properties["packed"] = tiling.packed
    for name in ("split", "gathered"):
        if tiling.properties.get(name) is not None:
            properties[name] = tiling.properties[name]
    return tile.KernelOp.build(properties=properties, regions=[Region(body)])


def visit(visits: attn.VisitsOp, each: Block) -> tile.VisitOp:
    """A visit of the tiles of a class, with the plan that was made for it."""
    return tile.VisitOp.build(
        properties={"tile_class": visits.tile_class, "source": visits.source},
        regions=[visits.detach_region(visits.plan), Region(each)],
    )


def load(name: str, axes: str) -> tile.LoadOp:
    """Rows of an operand."""
    return tile.LoadOp.build(
        properties={"operand_name": StringAttr(name)}, result_types=[tile.block(axes)]
    )


def _each(attention: attn.AttentionOp, owned: Mapping[str, SSAValue]) -> Block:
    """What is done with a visited tile: score, mask, weigh, accumulate."""
    block = Block()
    at = Builder(InsertPoint.at_end(block))
    masked = _masked(attention, owned, at)
    weigh = tile.OnlineSoftmaxOp.build(operands=[masked], result_types=[tile.block("kq")])
    weights = at.insert(weigh).result
    values = owned["v"] if "v" in owned else at.insert(load("v", "kv")).result
    at.insert(
        tile.AccumulateOp.build(
            operands=[weights, values], properties={"target": StringAttr("out")}
        )
    )
    return block


def _masked(attention: attn.AttentionOp, owned: Mapping[str, SSAValue], at: Builder) -> SSAValue:
    """The scores of a visited tile, minus infinity where the pair is not in the pattern."""
    kq = tile.block("kq")
    rows, other = ("q", "k") if "q" in owned else ("k", "q")
    visited = at.insert(load(other, OPERANDS[other])).result
    dot = tile.DotOp.build(operands=[owned[rows], visited], result_types=[kq])
    scores = at.insert(dot).result
    for score in all_of(attention, attn.ScoreOp):
        step = tile.ScoreOp.build(
            operands=[scores], properties={"value": score.value}, result_types=[kq]
        )
        scores = at.insert(step).result
    condition = the(attention, attn.RelationOp).condition
    mask = tile.MaskOp.build(
        operands=[scores], properties={"condition": condition}, result_types=[kq]
    )
    return at.insert(mask).result
