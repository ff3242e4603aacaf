"""Mistakes in the parameters that a spec is given."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic, closest, listing


@dataclass(frozen=True, slots=True)
class MissingParameter(Diagnostic):
    """A parameter without default that is not given."""

    code: ClassVar[str] = "missing-parameter"
    title: ClassVar[str] = "parameter `{name}` of `{attention}` has no value"
    hints: ClassVar[tuple[str, ...]] = ("pass it as a keyword: `{name}=...`",)
    name: str
    attention: str


@dataclass(frozen=True, slots=True)
class UnknownParameter(Diagnostic):
    """A keyword that the attention does not declare."""

    code: ClassVar[str] = "unknown-parameter"
    title: ClassVar[str] = "attention `{attention}` has no parameter `{name}`"
    notes: ClassVar[tuple[str, ...]] = (
        "its parameters are {parameters}",
        "its inputs are {tensors}",
    )
    hints: ClassVar[tuple[str, ...]] = (
        "did you mean `{suggestion}`?",
        "an input is given when the operator is called: `op(..., {given_late}=...)`",
    )
    name: str
    attention: str
    known: tuple[str, ...]
    inputs: tuple[str, ...] = ()

    @property
    def suggestion(self) -> str | None:
        """The known name nearest to this one."""
        return None if self.given_late else closest(self.name, (*self.known, *self.inputs))

    @property
    def given_late(self) -> str | None:
        """The name, if it is an input's."""
        return self.name if self.name in self.inputs else None

    @property
    def tensors(self) -> str | None:
        """The names of all inputs, for the note."""
        return listing(self.inputs, "and") or None

    @property
    def parameters(self) -> str | None:
        """All names, for the note."""
        return listing(self.known, "and") or None


@dataclass(frozen=True, slots=True)
class WrongParameterType(Diagnostic):
    """A value of another type than the parameter's."""

    code: ClassVar[str] = "wrong-parameter-type"
    title: ClassVar[str] = "parameter `{name}` is {expected}, given {found}"
    name: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class ParameterTooLarge(Diagnostic):
    """A value beyond 64 bits, or not finite."""

    code: ClassVar[str] = "parameter-too-large"
    title: ClassVar[str] = "parameter `{name}` does not fit 64 bits"
    label: ClassVar[str] = "given {found}"
    name: str
    found: str
