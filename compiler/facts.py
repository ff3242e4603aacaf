"""Small questions that several passes ask of an `attn.attention`."""

from collections.abc import Iterator
from typing import TypeVar

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation

from attnc.compiler.dialects import attn
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


def float_numbers(attention: attn.AttentionOp) -> frozenset[str]:
    """The run-time numbers that are no integers."""
    numbers = (i for i in attention.inputs if not i.axis_names)
    return frozenset(i.label.data for i in numbers if i.dtype.data == "float")


def relation_op(attention: attn.AttentionOp, condition: str) -> attn.RelationOp:
    """The `attn.relation` of a condition."""
    relation = condition_relation(attention, condition)
    properties = {"condition": StringAttr(condition), "upper": StringAttr(relation.upper.text)}
    if not relation.exact:
        properties["lower"] = StringAttr(relation.lower.text)
    return attn.RelationOp.build(properties=properties)
