"""What an attention may have beside one mask: branches, their merge, an `output`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnc.dsl.formula import Expr, Node

if TYPE_CHECKING:
    from attnc.dsl.syntax import Statement


@dataclass(frozen=True, slots=True)
class OutputStatement(Node):
    """`output o * sigmoid(gate[b, q, h])`: what becomes of a number `o` of the outputs."""

    value: Expr


@dataclass(frozen=True, slots=True)
class BranchKeys(Node):
    """`keys pooled(mean, size = 32, stride = 16)`: the memory of a branch."""

    form: str
    arguments: tuple[Expr, ...] = ()
    keywords: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """`branch local { mask ... }`: one of several attentions whose results are merged."""

    name: str
    body: tuple["BranchKeys | Statement", ...]


@dataclass(frozen=True, slots=True)
class Merge(Node):
    """`merge sum(gate)` or `merge softmax`: how branches become one result."""

    kind: str
    gate: str | None = None
