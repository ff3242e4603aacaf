"""Mistakes in the form of a text: found before any name is looked at."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class UnexpectedToken(Diagnostic):
    """The parser met a word that cannot stand here."""

    code: ClassVar[str] = "unexpected-token"
    title: ClassVar[str] = "unexpected `{found}`"
    notes: ClassVar[tuple[str, ...]] = ("expected {expected}",)
    hints: ClassVar[tuple[str, ...]] = ("{advice}",)
    found: str
    expected: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class UnexpectedCharacter(Diagnostic):
    """A character that the language does not use."""

    code: ClassVar[str] = "unexpected-character"
    title: ClassVar[str] = "unexpected character `{character}`"
    character: str


@dataclass(frozen=True, slots=True)
class UnexpectedEnd(Diagnostic):
    """The text ends inside a construct."""

    code: ClassVar[str] = "unexpected-end"
    title: ClassVar[str] = "the text ends too early"
    notes: ClassVar[tuple[str, ...]] = ("expected {expected}",)
    expected: str


@dataclass(frozen=True, slots=True)
class WhenNeedsParentheses(Diagnostic):
    """`A when c | B`: what does the condition filter."""

    code: ClassVar[str] = "when-needs-parentheses"
    title: ClassVar[str] = "a `when` that is an operand of `{operator}` must be parenthesised"
    label: ClassVar[str] = "ambiguous: does `{operator}` join the condition or the sets?"
    notes: ClassVar[tuple[str, ...]] = ("`when` binds loosest of all set operators",)
    hints: ClassVar[tuple[str, ...]] = ("write `(A when c) {operator} (B when d)`",)
    operator: str


@dataclass(frozen=True, slots=True)
class IntegerTooLarge(Diagnostic):
    """A literal beyond 64 bits."""

    code: ClassVar[str] = "integer-too-large"
    title: ClassVar[str] = "this integer does not fit 64 bits"
    label: ClassVar[str] = "{digits} digits"
    digits: int


@dataclass(frozen=True, slots=True)
class FloatTooLarge(Diagnostic):
    """A literal beyond the range of float64."""

    code: ClassVar[str] = "float-too-large"
    title: ClassVar[str] = "the number `{text}` is too large for a float"
    text: str


@dataclass(frozen=True, slots=True)
class NotSupported(Diagnostic):
    """The language has it, this version does not build it."""

    code: ClassVar[str] = "not-supported"
    title: ClassVar[str] = "{feature}: not supported yet"
    label: ClassVar[str] = "this version of attnc does not build it"
    feature: str


@dataclass(frozen=True, slots=True)
class NestedTooDeeply(Diagnostic):
    """Too many levels of operators or brackets."""

    code: ClassVar[str] = "nested-too-deeply"
    title: ClassVar[str] = "this is too complex: it nests deeper than {limit} levels"
    notes: ClassVar[tuple[str, ...]] = ("a chain of n set operators nests n levels deep",)
    hints: ClassVar[tuple[str, ...]] = ("name parts of it with `mask NAME = ...`",)
    limit: int


@dataclass(frozen=True, slots=True)
class TooManyNodes(Diagnostic):
    """Too large when every named mask is written out."""

    code: ClassVar[str] = "too-many-nodes"
    title: ClassVar[str] = "this is too complex: written out it has more than {limit} nodes"
    hints: ClassVar[tuple[str, ...]] = ("use fewer or smaller masks",)
    limit: int


@dataclass(frozen=True, slots=True)
class UnsupportedVersion(Diagnostic):
    """`attn 2` and beyond."""

    code: ClassVar[str] = "unsupported-version"
    title: ClassVar[str] = "language version {version} is not supported"
    label: ClassVar[str] = "this attnc reads version {supported}"
    version: int
    supported: int


@dataclass(frozen=True, slots=True)
class UnknownType(Diagnostic):
    """A type that no parameter or input can have."""

    code: ClassVar[str] = "unknown-type"
    title: ClassVar[str] = "unknown type `{name}`"
    label: ClassVar[str] = "expected {allowed}"
    name: str
    allowed: str
