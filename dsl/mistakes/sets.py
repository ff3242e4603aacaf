"""Mistakes about run-time sets."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class NotASet(Diagnostic):
    """`in` with something else than a set, or outside of a mask."""

    code: ClassVar[str] = "not-a-set"
    title: ClassVar[str] = "`{name}` cannot stand after `in` here"
    label: ClassVar[str] = "a mask asks whether a set holds a number"
    hints: ClassVar[tuple[str, ...]] = ("declare it: `input nbr: set[q]`",)
    name: str


@dataclass(frozen=True, slots=True)
class SetAsNumber(Diagnostic):
    """A set that is used as if it were a number."""

    code: ClassVar[str] = "set-as-number"
    title: ClassVar[str] = "`{name}` is a set, not a number"
    label: ClassVar[str] = "a set is only asked what it holds"
    hints: ClassVar[tuple[str, ...]] = ("write `k in {name}[...]`",)
    name: str


@dataclass(frozen=True, slots=True)
class SetAxis(Diagnostic):
    """A set with a list for each of what it cannot have lists for."""

    code: ClassVar[str] = "set-axis"
    title: ClassVar[str] = "set `{name}` has an axis `{axis}`"
    label: ClassVar[str] = "a set has lists by b, h, hkv and q, in this order"
    hints: ClassVar[tuple[str, ...]] = ("an input `int[k]` or `int[token]` can mark keys",)
    name: str
    axis: str


@dataclass(frozen=True, slots=True)
class ChooserSize(Diagnostic):
    """Queries that share a list in blocks of a size that is not constant."""

    code: ClassVar[str] = "chooser-size"
    title: ClassVar[str] = "the queries that share a list of `{name}` are not a constant number"
    label: ClassVar[str] = "a number or a parameter"
    name: str


@dataclass(frozen=True, slots=True)
class SetValue(Diagnostic):
    """A value whose place in the lists depends on more than the key."""

    code: ClassVar[str] = "set-value"
    title: ClassVar[str] = "what is looked up in `{name}` depends on more than it may"
    label: ClassVar[str] = "no input and no head; of a set with an axis `q`, no query either"
    hints: ClassVar[tuple[str, ...]] = ("write `k in {name}[q]`, or `k div 64 in {name}[q]`",)
    name: str
