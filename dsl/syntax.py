"""The syntax tree of `.attn`: one frozen dataclass per construct, each carrying its span.

Expressions are scalar formulas over the built-ins `q k h b len qlen heads kv_heads` (and `s` in a
score), parameters, bound variables and inputs. Set expressions denote relations between queries
and keys. `docs/language.md` has the grammar.
"""

from dataclasses import dataclass, field
from typing import Literal

from attnc.dsl.formula import (
    Binary as Binary,
    Bool as Bool,
    Call as Call,
    Compare as Compare,
    Comparison as Comparison,
    Exists as Exists,
    Expr as Expr,
    Float as Float,
    Index as Index,
    Int as Int,
    List as List,
    Member as Member,
    Name as Name,
    Node as Node,
    Unary as Unary,
)
from attnc.dsl.places import Grid as Grid, GridAxis as GridAxis, Segment as Segment
from attnc.dsl.source import Source
from attnc.dsl.steps import (
    Branch as Branch,
    BranchKeys as BranchKeys,
    Merge as Merge,
    OutputStatement as OutputStatement,
)


# ---------------------------------------------------------------- set expressions
@dataclass(frozen=True, slots=True)
class Comprehension(Node):
    """`{ condition }`: the pairs (q, k) for which the condition holds."""

    condition: Expr


@dataclass(frozen=True, slots=True)
class SetCall(Node):
    """`window(w, r = 0)` or `same`: a named mask with its arguments, by position or by name."""

    name: str
    arguments: tuple[Expr, ...]
    keywords: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class SetBinary(Node):
    """Union, intersection, difference."""

    op: Literal["|", "&", "-"]
    left: "SetExpr"
    right: "SetExpr"


@dataclass(frozen=True, slots=True)
class Complement(Node):
    """`~a`: all pairs that are not in `a`."""

    operand: "SetExpr"


@dataclass(frozen=True, slots=True)
class When(Node):
    """`body when condition`: the body where the condition holds, empty elsewhere."""

    body: "SetExpr"
    condition: Expr


@dataclass(frozen=True, slots=True)
class OnAxis(Node):
    """`operand on axis`: a mask of one axis, whose positions are the coordinates along it."""

    operand: "SetExpr"
    axis: str


SetExpr = Comprehension | SetCall | SetBinary | Complement | When | OnAxis


# ---------------------------------------------------------------- declarations
ParameterType = Literal["int", "float", "bool", "list"]
Dtype = Literal["int", "float", "set"]


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """`w: int = 256`. The type is inferred from the default where it is not written, else int."""

    name: str
    type: ParameterType | None
    default: Expr | None


@dataclass(frozen=True, slots=True)
class Input(Node):
    """`input doc: int[token]`. No axes: a run-time number.

    A `set[q]` is a list of integers for each query; one without axes is a list of its own.
    """

    name: str
    dtype: Dtype
    axes: tuple[str, ...]
    grad: bool


@dataclass(frozen=True, slots=True)
class MaskStatement(Node):
    """`mask SET`."""

    body: SetExpr


@dataclass(frozen=True, slots=True)
class ScoreStatement(Node):
    """`score EXPRESSION`."""

    value: Expr


@dataclass(frozen=True, slots=True)
class NormalizeStatement(Node):
    """`normalize softmax(sink = z[h])`: `sink` is the logit of one more term."""

    kind: str
    sink: Expr | None = None


@dataclass(frozen=True, slots=True)
class AssertStatement(Node):
    """`assert density(4096) < 0.05`, of comparison and limit; `assert same_as other`."""

    kind: str
    arguments: tuple["Expr", ...] = ()
    comparison: Comparison | None = None
    limit: "Expr | None" = None
    other: "SetExpr | None" = None


@dataclass(frozen=True, slots=True)
class CrossStatement(Node):
    """`cross`: queries and keys are two sequences, both starting at position 0."""


@dataclass(frozen=True, slots=True)
class NotBuilt(Node):
    """A construct that the grammar knows and this version does not build: refused when checked."""

    feature: str


Statement = (
    Input | MaskStatement | ScoreStatement | NormalizeStatement | AssertStatement | CrossStatement
    | Grid | Segment | OutputStatement | Branch | Merge | NotBuilt
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MaskDefinition(Node):
    """`mask window(l, r = l) = { ... }`."""

    name: str
    parameters: tuple[Parameter, ...]
    body: SetExpr


@dataclass(frozen=True, slots=True)
class Attention(Node):
    """`attention name(parameters) { statements }`."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class LayerCase(Node):
    """`local(1024) when i mod 6 < 5`: a pattern, and the layers that it is for (None: all)."""

    pattern: SetCall
    condition: Expr | None


@dataclass(frozen=True, slots=True)
class LayerStatement(Node):
    """`layer i: CASE; CASE`: a layer has the pattern of the first case that holds for it."""

    variable: str
    cases: tuple[LayerCase, ...]


@dataclass(frozen=True, slots=True)
class Stack(Node):
    """`stack name(layers = 26) { layer i: ...  assert ... }`."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[LayerStatement | AssertStatement, ...]


ClauseKind = Literal["keys", "queries", "summary", "choose"]


@dataclass(frozen=True, slots=True)
class RouteClause(Node):
    """`keys blocks(64)`, `choose top(n)`: a form of one kind, with its arguments."""

    kind: ClauseKind
    form: str
    arguments: tuple[Expr, ...] = ()
    keywords: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class RouteSet(Node):
    """`within causal`, `within any causal`, `keep sink(4)`."""

    kind: Literal["within", "within any", "keep"]
    body: SetExpr


@dataclass(frozen=True, slots=True)
class Route(Node):
    """`route picked(n = 16) { keys blocks(64)  choose top(n)  within causal }`."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple["RouteClause | RouteSet", ...]


@dataclass(frozen=True, slots=True)
class Use(Node):
    """`use std` (the prelude) or `use "shared.attn"` (inside the file's own folder)."""

    path: str
    quoted: bool = True


Definition = MaskDefinition | Attention | Stack | Grid | Segment | Route | NotBuilt


@dataclass(frozen=True, slots=True)
class File(Node):
    """One source: `attn 1` (language version), uses, definitions, in the order written."""

    source: Source = field(compare=False, repr=False)
    version: int | None
    uses: tuple[Use, ...]
    definitions: tuple[Definition, ...]
