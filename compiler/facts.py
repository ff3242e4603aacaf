"""Small questions that several passes ask of an `attn.attention`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation

from attnc.compiler.dialects import attn
from attnc.compiler.grids import Product, products
from attnc.compiler.relation import Relation, relation
from attnc.dsl.parser import parse_expression

OpT = TypeVar("OpT", bound=Operation)


def attentions(module: ModuleOp) -> Iterator[attn.AttentionOp]:
    """The attentions of a module."""
    for op in list(module.body.block.ops):
        if isinstance(op, attn.AttentionOp):
            yield op


def all_of(attention: attn.AttentionOp, kind: type[OpT]) -> list[OpT]:
    """Its operations of one kind, in order."""
    return [op for op in attention.body.block.ops if isinstance(op, kind)]


def the(attention: attn.AttentionOp, kind: type[OpT]) -> OpT:
    """Its operation of a kind of which there is one."""
    (op,) = all_of(attention, kind)
    return op


def relation_of(attention: attn.AttentionOp) -> Relation:
    """The relation, from the condition that `split-atoms` recorded."""
    return condition_relation(attention, the(attention, attn.RelationOp).condition.data)


def condition_relation(attention: attn.AttentionOp, condition: str) -> Relation:
    """The relation of a condition under the attention's head count and inputs."""
    heads = int(attention.heads.value.data) or None
    return relation(parse_expression(condition), heads, float_numbers(attention))


def labels(attention: attn.AttentionOp) -> tuple[str, ...]:
    """The axes of the grid; none for a sequence."""
    return tuple(one.label.data for one in attention.axes if one.label.data)


@dataclass(frozen=True, slots=True)
class Factors:
    """A product of the pattern: a relation along each axis, what else it asks, and the text."""

    factors: tuple[Relation, ...]
    product: Product


def products_of(attention: attn.AttentionOp, condition: str | None = None) -> list[Factors]:
    """The products of a grid's condition, by default of the one that `split-atoms` recorded.

    Those that hold no pair are left out.
    """
    if condition is None:
        condition = the(attention, attn.RelationOp).condition.data
    heads, floats = int(attention.heads.value.data) or None, float_numbers(attention)
    found = [
        Factors(tuple(relation(factor, heads, floats) for factor in one.factors), one)
        for one in products(parse_expression(condition), labels(attention))
    ]
    return [one for one in found if not any(part.upper.is_empty() for part in one.factors)]


def float_numbers(attention: attn.AttentionOp) -> frozenset[str]:
    """The run-time numbers that are no integers."""
    numbers = (i for i in attention.inputs if not i.axis_names and i.dtype.data != "set")
    return frozenset(i.label.data for i in numbers if i.dtype.data == "float")


def relation_op(attention: attn.AttentionOp, condition: str) -> attn.RelationOp:
    """The `attn.relation` of a condition."""
    if labels(attention):
        found = products_of(attention, condition)
        texts = (" * ".join(part.upper.text for part in one.factors) for one in found)
        upper = {"condition": StringAttr(condition), "upper": StringAttr(" + ".join(texts))}
        return attn.RelationOp.build(properties=upper)
    relation = condition_relation(attention, condition)
    properties = {"condition": StringAttr(condition), "upper": StringAttr(relation.upper.text)}
    if not relation.exact:
        properties["lower"] = StringAttr(relation.lower.text)
    return attn.RelationOp.build(properties=properties)
