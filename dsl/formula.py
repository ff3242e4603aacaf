"""The nodes of scalar expressions: numbers and conditions. `syntax` has them beside the rest."""

from dataclasses import dataclass, field
from typing import Literal

from attnc.dsl.source import NOWHERE, Span

Comparison = Literal["<", "<=", ">", ">=", "==", "!="]


@dataclass(frozen=True, slots=True)
class Node:
    """What every construct has: the place it was written at (ignored by equality)."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Int(Node):
    """`42`: within 64 bits, not negative as written."""

    value: int


@dataclass(frozen=True, slots=True)
class Float(Node):
    """`0.5`, `1e-3`."""

    value: float


@dataclass(frozen=True, slots=True)
class Bool(Node):
    """`true`, `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class List(Node):
    """`[a, b, ...]`: a compile-time list, to be indexed by `h`."""

    items: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A built-in, a parameter, a bound variable, an input without axes, or a coordinate, `q.y`."""

    id: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`base[i, j]`: an input tensor, or a list parameter indexed by `h`."""

    base: str
    indices: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-x`, `not x`."""

    op: Literal["-", "not"]
    operand: "Expr"


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`div`, `mod` floor; `/` is real division (scores only); `^` is of constants in masks."""

    op: Literal["+", "-", "*", "/", "div", "mod", "^", "and", "or"]
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """A chain `a < b <= c`: n operators between n + 1 operands, all of which must hold."""

    ops: tuple[Comparison, ...]
    operands: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A built-in function: see `types.FUNCTIONS` for names, arities and where each is allowed."""

    function: str
    arguments: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Exists(Node):
    """`exists i in low..high : body`; `high` is excluded, both bounds are constants."""

    variable: str
    low: "Expr"
    high: "Expr"
    body: "Expr"


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`value in base[i, j]`: whether a list of a run-time set holds the value."""

    value: "Expr"
    base: str
    indices: tuple["Expr", ...] = ()


Expr = Int | Float | Bool | List | Name | Index | Unary | Binary | Compare | Call | Exists | Member
