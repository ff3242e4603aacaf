"""`split-residues`: a pattern that keeps to residue classes becomes a pattern on each of them.

Input: a relation. Output: the same within a class, and the step of the classes, if the pattern has
such classes and nothing else in the attention reads positions: a window with dilation 4 becomes a
plain window with step 4. Runs after what is said about positions themselves.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from attnc.compiler import fold
from attnc.compiler.dialects import attn
from attnc.compiler.dialects.axes import AxisAttr, axis
from attnc.compiler.facts import (
    all_of,
    attentions,
    labels,
    products_of,
    relation_of,
    relation_op,
    the,
)
from attnc.compiler.grids import NAMES, whole_condition
from attnc.compiler.residues import classes
from attnc.dsl.parser import parse_expression
from attnc.dsl.printer import print_expr
from attnc.dsl.syntax import Expr

POSITIONS = {"q", "k", "len", "qlen"}
ROWS = {"token", "q", "k"}


@dataclass(frozen=True)
class SplitResidues(ModulePass):
    """Replace the relation of each attention that falls into classes."""

    name: ClassVar[str] = "split-residues"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Attentions whose scores or inputs depend on positions stay as they are."""
        for attention in attentions(op):
            if any({*i.axis_names} & ROWS or i.dtype.data == "set" for i in attention.inputs):
                continue
            if labels(attention):
                _split_grid(attention)
            elif not _read(attention) & POSITIONS:
                found = classes(relation_of(attention))
                if found is not None:
                    _replace(attention, [axis(step=found.step)], found.condition)


def _split_grid(attention: attn.AttentionOp) -> None:
    """Along each axis, the classes that all products share."""
    parts = products_of(attention)  # none: no pair is in the pattern
    factors = [list(one.product.factors) for one in parts]
    axes = list(attention.axes)
    beside = _read(attention).union(*(fold.names(one.product.rest) for one in parts))
    for place, label in enumerate(labels(attention)):
        split = [classes(one.factors[place]) for one in parts]
        steps = {found.step if found else 1 for found in split}
        if len(steps) != 1 or None in split or {f"{n}.{label}" for n in NAMES} & beside or (
            {"q", "k"} & beside
        ):  # fmt: skip
            continue
        axes[place] = axis(label, axes[place].extent.data, step=steps.pop())
        for own, found in zip(factors, split, strict=True):
            own[place] = found.condition if found else own[place]
    if any(int(one.step.value.data) > 1 for one in axes):
        new = [replace(p.product, factors=tuple(f)) for p, f in zip(parts, factors, strict=True)]
        _replace(attention, axes, whole_condition(new, labels(attention)))


def _replace(attention: attn.AttentionOp, axes: list[AxisAttr], condition: Expr) -> None:
    attention.properties["axes"] = ArrayAttr(axes)
    new = relation_op(attention, print_expr(condition))
    Rewriter.replace_op(the(attention, attn.RelationOp), new, [])


def _read(attention: attn.AttentionOp) -> frozenset[str]:
    """The names that scores read."""
    scores = (parse_expression(op.value.data) for op in all_of(attention, attn.ScoreOp))
    return frozenset(name for score in scores for name in fold.names(score))
