"""Mistakes with types, arguments and indices."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class TypeMismatch(Diagnostic):
    """A value of one type where another is needed."""

    code: ClassVar[str] = "type-mismatch"
    title: ClassVar[str] = "expected {expected}, found {found}"
    label: ClassVar[str] = "this is {found}"
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class WrongArity(Diagnostic):
    """A call with too many or too few arguments."""

    code: ClassVar[str] = "wrong-arity"
    title: ClassVar[str] = "`{callee}` takes {expected}, {found} given"
    callee: str
    expected: str
    found: int


@dataclass(frozen=True, slots=True)
class MissingArgument(Diagnostic):
    """A call that leaves a parameter without a value."""

    code: ClassVar[str] = "missing-argument"
    title: ClassVar[str] = "`{mask}` needs a value for `{parameter}`"
    mask: str
    parameter: str


@dataclass(frozen=True, slots=True)
class RepeatedArgument(Diagnostic):
    """A parameter given by position and by name, or twice by name."""

    code: ClassVar[str] = "repeated-argument"
    title: ClassVar[str] = "`{mask}` is given `{parameter}` twice"
    mask: str
    parameter: str


@dataclass(frozen=True, slots=True)
class ScoreOnly(Diagnostic):
    """A real-valued operation in a mask."""

    code: ClassVar[str] = "score-only"
    title: ClassVar[str] = "`{what}` can only be used in a score"
    label: ClassVar[str] = "a mask is a formula of integers"
    what: str


@dataclass(frozen=True, slots=True)
class FloatInMask(Diagnostic):
    """Arithmetic on floats in a mask."""

    code: ClassVar[str] = "float-in-mask"
    title: ClassVar[str] = "a mask compares floats with constants, and does nothing else with them"
    notes: ClassVar[tuple[str, ...]] = ("a mask index is an integer",)
    hints: ClassVar[tuple[str, ...]] = ("compute it before the call and pass it as an int input",)


@dataclass(frozen=True, slots=True)
class WholeList(Diagnostic):
    """A list where one item is needed."""

    code: ClassVar[str] = "whole-list"
    title: ClassVar[str] = "`{name}` is a list, and a formula needs one item of it"
    hints: ClassVar[tuple[str, ...]] = ("index it by the head: `{name}[h]`",)
    name: str


@dataclass(frozen=True, slots=True)
class ListIndex(Diagnostic):
    """A list indexed by something else than `h`."""

    code: ClassVar[str] = "list-index"
    title: ClassVar[str] = "the list `{name}` can only be indexed by `h`"
    label: ClassVar[str] = "expected `h`"
    name: str


@dataclass(frozen=True, slots=True)
class NotIndexable(Diagnostic):
    """A number with indices."""

    code: ClassVar[str] = "not-indexable"
    title: ClassVar[str] = "`{name}` is a single number and cannot be indexed"
    name: str


@dataclass(frozen=True, slots=True)
class MissingIndices(Diagnostic):
    """An input with axes that is used without indices."""

    code: ClassVar[str] = "missing-indices"
    title: ClassVar[str] = "input `{name}` needs its indices"
    label: ClassVar[str] = "its axes are [{axes}]"
    name: str
    axes: str


@dataclass(frozen=True, slots=True)
class WrongIndexCount(Diagnostic):
    """Another number of indices than axes."""

    code: ClassVar[str] = "wrong-index-count"
    title: ClassVar[str] = "input `{name}` has {expected} axes, {found} indices given"
    label: ClassVar[str] = "its axes are [{axes}]"
    name: str
    axes: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class WrongIndex(Diagnostic):
    """An index that does not go with its axis."""

    code: ClassVar[str] = "wrong-index"
    title: ClassVar[str] = "axis `{axis}` of `{name}` is indexed by {expected}"
    label: ClassVar[str] = "expected {expected}"
    name: str
    axis: str
    expected: str


@dataclass(frozen=True, slots=True)
class TokenAxisByQuery(Diagnostic):
    """A token axis read at `q` where queries and keys are two sequences."""

    code: ClassVar[str] = "token-axis-by-query"
    title: ClassVar[str] = "under `cross` the token axis of `{name}` can only be indexed by `k`"
    label: ClassVar[str] = "queries are no tokens of the key sequence"
    hints: ClassVar[tuple[str, ...]] = ("declare one input with axis `q` and one with axis `k`",)
    name: str


@dataclass(frozen=True, slots=True)
class UnboundedIndex(Diagnostic):
    """A table index that could leave the table."""

    code: ClassVar[str] = "unbounded-index"
    title: ClassVar[str] = "this index of `{name}` is not bounded by a constant"
    label: ClassVar[str] = "an axis `d` needs a constant bound"
    hints: ClassVar[tuple[str, ...]] = ("wrap it: `clamp(..., 0, 15)` or `... mod 16`",)
    name: str
