"""`derive-backward`: the kernel of the gradients, from the reversed relation.

Input: an attention whose tiling owns keys, with its visits. Output: a `tile.kernel` in its place
that recomputes the weights from the stored log-sum-exp and adds up dK and dV of its keys, dQ of the
queries that it visits, and the gradients of the inputs that are asked for. On targets where tiles
run side by side (`apart`), dQ has a kernel of its own, whose tiling owns queries. (Dao et al. 2022,
algorithm 4; the derivatives of the score expression by `compiler.derivative`.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.builder import Builder
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.ir import Block, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from attnc.compiler import fold
from attnc.compiler.derivative import ONE, derivative, reads
from attnc.compiler.dialects import attn, tile
from attnc.compiler.dialects.blocks import OPERANDS, WEIGHT
from attnc.compiler.facts import all_of, attentions, the
from attnc.compiler.passes.lower_to_tile import kernel, load, visit
from attnc.dsl.parser import parse_expression
from attnc.dsl.printer import print_expr
from attnc.dsl.syntax import Binary, Expr, Index, Name

ROWS = {"q": ("q", "do", "lse", "delta"), "k": ("k", "v")}
TARGETS_OF = {"q": ("dq",), "k": ("dk", "dv")}


@dataclass(frozen=True)
class DeriveBackward(ModulePass):
    """Write the backward kernel of each attention; `inputs` are those whose gradient is wanted.

    With `only`, the kernel has no other gradients than these, out of dq, dk and dv.
    """

    name: ClassVar[str] = "derive-backward"
    inputs: tuple[str, ...] = ()
    apart: bool = False
    only: tuple[str, ...] = ()

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Replace each attention by its backward kernel."""
        for attention in attentions(op):
            Rewriter.replace_op(attention, self.backward(attention), [])

    def backward(self, attention: attn.AttentionOp) -> tile.KernelOp:
        """The backward kernel of an attention."""
        body = Block()
        at = Builder(InsertPoint.at_end(body))
        owner = the(attention, attn.TilingOp).owner.data
        owned = {name: at.insert(load(name, OPERANDS[name])).result for name in ROWS[owner]}
        targets = self.only or (TARGETS_OF[owner] if self.apart else ("dq", "dk", "dv"))
        for visits in all_of(attention, attn.VisitsOp):
            step = _Step(attention, owner, dict(owned), targets, self.inputs)
            at.insert(visit(visits, step.block()))
        for target in (one for one in TARGETS_OF[owner] if one in targets):
            at.insert(_store(target, None if target == "dv" else "scale"))
        return kernel(attention, body, owner=owner)


def _store(target: str, factor: str | None = None) -> tile.StoreOp:
    properties = {"target": StringAttr(target)}
    if factor is not None:
        properties["factor"] = StringAttr(factor)
    return tile.StoreOp.build(properties=properties)


@dataclass
class _Step:
    """What is done with one visited tile; `blocks` are those of the owned one."""

    attention: attn.AttentionOp
    owner: str
    blocks: dict[str, SSAValue]
    targets: tuple[str, ...]
    inputs: Sequence[str]

    def block(self) -> Block:
        """Weights, then the gradients of what they multiply, then those of the scores."""
        block = Block()
        self.at = Builder(InsertPoint.at_end(block))
        scores = self.product("k", "q")
        lse = self.load("lse")
        weights = self.map(WEIGHT, s=self.masked(scores), lse=lse)
        if "dv" in self.targets:
            self.accumulate(weights, self.load("do"), "dv")
        if self.targets == ("dv",):
            return block
        d_weights = self.product("v", "do")
        delta = self.load("delta")
        gradient = self.map("p * (dp - delta)", p=weights, dp=d_weights, delta=delta)
        d_scores = self.through_score(gradient, scores)
        for target, rows in (("dk", "q"), ("dq", "k")):
            if target in self.targets:
                self.accumulate(d_scores, self.load(rows), target)
        return block

    def load(self, name: str) -> SSAValue:
        """Rows of the owned tile, or of the visited one when they are first wanted."""
        if name not in self.blocks:
            self.blocks[name] = self.at.insert(load(name, OPERANDS[name])).result
        return self.blocks[name]

    def product(self, keys: str, queries: str) -> SSAValue:
        """Keys by queries, the owned rows first."""
        pair = (keys, queries) if self.owner == "k" else (queries, keys)
        return self.dot(self.load(pair[0]), self.load(pair[1]))

    def masked(self, scores: SSAValue) -> SSAValue:
        """What the weights are the exponentials of."""
        kq = tile.block("kq")
        for score in all_of(self.attention, attn.ScoreOp):
            properties = {"value": score.value}
            step = tile.ScoreOp.build(operands=[scores], properties=properties, result_types=[kq])
            scores = self.at.insert(step).result
        condition = {"condition": the(self.attention, attn.RelationOp).condition}
        mask = tile.MaskOp.build(operands=[scores], properties=condition, result_types=[kq])
        return self.at.insert(mask).result

    def through_score(self, gradient: SSAValue, scores: SSAValue) -> SSAValue:
        """The gradient of the scores before the score expression; collects those of its inputs."""
        for score in all_of(self.attention, attn.ScoreOp):
            value = parse_expression(score.value.data)
            for name in self.inputs:
                found: list[Name | Index] = [*reads(value, name), *_numbers(value, name)]
                for read in found:
                    self.collect(name, read, derivative(value, read), gradient, scores)
            slope = derivative(value, Name("s"))
            if slope != ONE:
                value_text = print_expr(_product("g", slope))
                gradient = self.map(value_text, g=gradient, s=scores)
        return gradient

    def collect(
        self,
        name: str,
        read: Expr,
        slope: Expr,
        gradient: SSAValue,
        scores: SSAValue,
    ) -> None:
        by_key = {"q", "k"} & fold.names(read) == {"k"}
        whole = {"dq", "dk"} <= {*self.targets}
        if not whole and by_key != (self.owner == "k"):  # the other kernel adds these up
            return
        text = print_expr(_product("g", slope))
        names, blocks = ["g"], [gradient]
        if _mentions(slope, "s"):
            names, blocks = ["g", "s"], [gradient, scores]
        properties = {
            "value": StringAttr(text),
            "names": ArrayAttr([StringAttr(n) for n in names]),
            "target": StringAttr(name),
            "place": StringAttr(print_expr(read)),
        }
        self.at.insert(tile.CollectOp.build(operands=[blocks], properties=properties))

    def dot(self, left: SSAValue, right: SSAValue) -> SSAValue:
        product = tile.DotOp.build(operands=[left, right], result_types=[tile.block("kq")])
        return self.at.insert(product).result

    def map(self, value: str, **blocks: SSAValue) -> SSAValue:
        used = fold.names(parse_expression(value))
        kept = {name: block for name, block in blocks.items() if name in used}
        properties = {
            "value": StringAttr(value),
            "names": ArrayAttr([StringAttr(name) for name in kept]),
        }
        step = tile.MapOp.build(
            operands=[list(kept.values())], properties=properties, result_types=[tile.block("kq")]
        )
        return self.at.insert(step).result

    def accumulate(self, weights: SSAValue, values: SSAValue, target: str) -> None:
        properties = {"target": StringAttr(target)}
        self.at.insert(tile.AccumulateOp.build(operands=[weights, values], properties=properties))


def _product(name: str, slope: Expr) -> Expr:
    return Name(name) if slope == ONE else Binary("*", Name(name), slope)


def _mentions(expr: Expr, name: str) -> bool:
    return name in fold.names(expr)


def _numbers(value: Expr, name: str) -> list[Name]:
    """The input itself where it is one number."""
    return [Name(name)] if _mentions(value, name) else []
