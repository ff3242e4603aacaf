"""Mistakes in what a spec asserts."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic, closest, listing
from attnc.dsl.source import Span
from attnc.dsl.types import ASSERTIONS


@dataclass(frozen=True, slots=True)
class UnknownAssertion(Diagnostic):
    """An assertion that the language lacks."""

    code: ClassVar[str] = "unknown-assertion"
    title: ClassVar[str] = "unknown assertion `{name}`"
    notes: ClassVar[tuple[str, ...]] = ("assertions are {assertions}",)
    hints: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    name: str
    known: tuple[str, ...]

    @property
    def suggestion(self) -> str | None:
        """The known name nearest to this one."""
        return closest(self.name, self.known)

    @property
    def assertions(self) -> str:
        """All names, for the note."""
        return listing(self.known, "and")


@dataclass(frozen=True, slots=True)
class AssertionForm(Diagnostic):
    """Arguments or a comparison that an assertion does not take, or lacks."""

    code: ClassVar[str] = "assertion-form"
    title: ClassVar[str] = "`assert {name}` does not have this form"
    hints: ClassVar[tuple[str, ...]] = ("write `assert {form}`",)
    name: str
    form: str


@dataclass(frozen=True, slots=True)
class AssertionNotConstant(Diagnostic):
    """A number of an assertion that varies."""

    code: ClassVar[str] = "assertion-not-constant"
    title: ClassVar[str] = "`{text}` is no constant"
    notes: ClassVar[tuple[str, ...]] = ("the numbers of an assertion are literals and parameters",)
    text: str


def assertion_form(name: str, span: Span, axes: int = 0) -> Diagnostic:
    """What to say about an assertion that is not written as it should be, on a grid of axes."""
    if name not in ASSERTIONS:
        return UnknownAssertion(name, tuple(ASSERTIONS), span=span)
    sizes = ", ".join(["64"] * axes)
    on_grid = {
        "density": f"density({sizes}) < 0.05",
        "reaches": f"reaches(4)` or `assert reaches(4, {sizes})",
    }
    form = on_grid.get(name) if axes else None
    return AssertionForm(name, form or ASSERTIONS[name], span=span)
