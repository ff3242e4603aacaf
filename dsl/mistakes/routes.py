"""Mistakes in routes."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic, closest, listing


@dataclass(frozen=True, slots=True)
class UnknownRouteForm(Diagnostic):
    """A word after `keys`, `queries`, `summary` or `choose` that is none of theirs."""

    code: ClassVar[str] = "unknown-route-form"
    title: ClassVar[str] = "`{kind}` cannot be `{form}`"
    notes: ClassVar[tuple[str, ...]] = ("it is one of {forms}",)
    hints: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    kind: str
    form: str
    known: tuple[str, ...]

    @property
    def forms(self) -> str:
        """All forms, for the note."""
        return listing(self.known)

    @property
    def suggestion(self) -> str | None:
        """The known form nearest to this one."""
        return closest(self.form, self.known)


@dataclass(frozen=True, slots=True)
class RouteArguments(Diagnostic):
    """Arguments that a form of a route does not take."""

    code: ClassVar[str] = "route-arguments"
    title: ClassVar[str] = "`{kind} {form}` does not take these arguments"
    hints: ClassVar[tuple[str, ...]] = ("write `{kind} {example}`",)
    kind: str
    form: str
    example: str


@dataclass(frozen=True, slots=True)
class RouteInput(Diagnostic):
    """A name in a route that is no input of the kind that is needed."""

    code: ClassVar[str] = "route-input"
    title: ClassVar[str] = "`{text}` is no {wanted}"
    hints: ClassVar[tuple[str, ...]] = ("declare it in the attention: `input {example}`",)
    text: str
    wanted: str
    example: str


@dataclass(frozen=True, slots=True)
class RouteIncomplete(Diagnostic):
    """A route that does not say what is chosen, or how many."""

    code: ClassVar[str] = "route-incomplete"
    title: ClassVar[str] = "route `{name}` does not say {what}"
    hints: ClassVar[tuple[str, ...]] = ("add `{example}`",)
    name: str
    what: str
    example: str


@dataclass(frozen=True, slots=True)
class RouteConflict(Diagnostic):
    """Two clauses of a route that have no meaning together."""

    code: ClassVar[str] = "route-conflict"
    title: ClassVar[str] = "{what}"
    hints: ClassVar[tuple[str, ...]] = ("{advice}",)
    what: str
    advice: str


@dataclass(frozen=True, slots=True)
class RouteValue(Diagnostic):
    """A size, number or share that a route cannot have."""

    code: ClassVar[str] = "route-value"
    title: ClassVar[str] = "{what} of route `{name}` is {found}, expected {wanted}"
    name: str
    what: str
    found: str
    wanted: str


@dataclass(frozen=True, slots=True)
class RouteVaries(Diagnostic):
    """An argument of a route that is no constant."""

    code: ClassVar[str] = "route-varies"
    title: ClassVar[str] = "the arguments of a route are constants, perhaps of each head"
    hints: ClassVar[tuple[str, ...]] = ("pass a number, a parameter or an item `ns[h]`",)


@dataclass(frozen=True, slots=True)
class RouteTwice(Diagnostic):
    """A route that is called with different arguments."""

    code: ClassVar[str] = "route-twice"
    title: ClassVar[str] = "route `{name}` is called with other arguments than before"
    notes: ClassVar[tuple[str, ...]] = (
        "the first call is at {first}",
        "a route has one result in a call of the operator, `{name}`",
    )
    hints: ClassVar[tuple[str, ...]] = ("define a second route",)
    name: str
    first: str


@dataclass(frozen=True, slots=True)
class RouteBranch(Diagnostic):
    """A summary that names no branch of the attention."""

    code: ClassVar[str] = "route-branch"
    title: ClassVar[str] = "`{text}` is no branch of the attention"
    notes: ClassVar[tuple[str, ...]] = ("its branches are {branches}",)
    hints: ClassVar[tuple[str, ...]] = (
        "name one: `summary branch(compressed)` with `branch compressed {{ ... }}`",
    )
    text: str
    known: tuple[str, ...]

    @property
    def branches(self) -> str | None:
        """All branches, for the note."""
        return listing(self.known) if self.known else None


@dataclass(frozen=True, slots=True)
class RouteOnly(Diagnostic):
    """An item of an input whose axes have a meaning in routes only."""

    code: ClassVar[str] = "route-only"
    title: ClassVar[str] = "the axis `{axis}` of `{name}` has no meaning in a formula"
    hints: ClassVar[tuple[str, ...]] = ("name the input in a route: `summary {name}`",)
    name: str
    axis: str
