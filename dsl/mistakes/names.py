"""Mistakes with names: unknown, taken, reserved, unused."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic, closest, listing


@dataclass(frozen=True, slots=True)
class UnknownName(Diagnostic):
    """A name in a formula that nothing declares."""

    code: ClassVar[str] = "unknown-name"
    title: ClassVar[str] = "unknown name `{name}`"
    label: ClassVar[str] = "not a built-in, parameter, input or bound variable"
    hints: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?", "{advice}")
    name: str
    known: tuple[str, ...]
    advice: str | None = None

    @property
    def suggestion(self) -> str | None:
        """The known name nearest to this one."""
        return closest(self.name, self.known)


@dataclass(frozen=True, slots=True)
class UnknownMask(Diagnostic):
    """A set that nothing defines."""

    code: ClassVar[str] = "unknown-mask"
    title: ClassVar[str] = "unknown mask `{name}`"
    label: ClassVar[str] = "no mask of this name is defined"
    hints: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    name: str
    known: tuple[str, ...]

    @property
    def suggestion(self) -> str | None:
        """The known name nearest to this one."""
        return closest(self.name, self.known)


@dataclass(frozen=True, slots=True)
class UnknownFunction(Diagnostic):
    """A call of a function that the language lacks."""

    code: ClassVar[str] = "unknown-function"
    title: ClassVar[str] = "unknown function `{name}`"
    notes: ClassVar[tuple[str, ...]] = ("functions are {functions}",)
    hints: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    name: str
    known: tuple[str, ...]

    @property
    def suggestion(self) -> str | None:
        """The known name nearest to this one."""
        return closest(self.name, self.known)

    @property
    def functions(self) -> str:
        """All names, for the note."""
        return listing(self.known, "and")


@dataclass(frozen=True, slots=True)
class UnknownInput(Diagnostic):
    """An indexed name that is no input and no list."""

    code: ClassVar[str] = "unknown-input"
    title: ClassVar[str] = "unknown input `{name}`"
    label: ClassVar[str] = "nothing of this name can be indexed"
    hints: ClassVar[tuple[str, ...]] = (
        "did you mean `{suggestion}`?",
        "declare it in the attention: `input {name}: int[token]`",
    )
    name: str
    known: tuple[str, ...]

    @property
    def suggestion(self) -> str | None:
        """The known name nearest to this one."""
        return closest(self.name, self.known)


@dataclass(frozen=True, slots=True)
class UnknownKeyword(Diagnostic):
    """A keyword argument that the mask does not have."""

    code: ClassVar[str] = "unknown-keyword"
    title: ClassVar[str] = "mask `{mask}` has no parameter `{name}`"
    notes: ClassVar[tuple[str, ...]] = ("its parameters are {parameters}",)
    hints: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    name: str
    mask: str
    known: tuple[str, ...]

    @property
    def suggestion(self) -> str | None:
        """The known name nearest to this one."""
        return closest(self.name, self.known)

    @property
    def parameters(self) -> str | None:
        """All names, for the note."""
        return listing(self.known, "and") or None


@dataclass(frozen=True, slots=True)
class UnknownAxis(Diagnostic):
    """An axis that no input can have."""

    code: ClassVar[str] = "unknown-axis"
    title: ClassVar[str] = "unknown axis `{name}`"
    notes: ClassVar[tuple[str, ...]] = ("axes are {axes}",)
    hints: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    name: str
    known: tuple[str, ...]

    @property
    def suggestion(self) -> str | None:
        """The known name nearest to this one."""
        return closest(self.name, self.known)

    @property
    def axes(self) -> str:
        """All axes, for the note."""
        return listing(self.known, "and")


@dataclass(frozen=True, slots=True)
class DuplicateDefinition(Diagnostic):
    """Two masks of one name."""

    code: ClassVar[str] = "duplicate-definition"
    title: ClassVar[str] = "mask `{name}` is defined twice"
    notes: ClassVar[tuple[str, ...]] = ("the first definition is at {first}",)
    name: str
    first: str


@dataclass(frozen=True, slots=True)
class DuplicateName(Diagnostic):
    """Two parameters or inputs of one name."""

    code: ClassVar[str] = "duplicate-name"
    title: ClassVar[str] = "`{name}` is declared twice"
    notes: ClassVar[tuple[str, ...]] = ("the first declaration is at {first}",)
    name: str
    first: str


@dataclass(frozen=True, slots=True)
class ShadowsBuiltin(Diagnostic):
    """A declaration that takes the name of a built-in."""

    code: ClassVar[str] = "shadows-builtin"
    title: ClassVar[str] = "`{name}` is a built-in and cannot be declared"
    notes: ClassVar[tuple[str, ...]] = (
        "built-ins are q, k, h, b, len, qlen, heads, kv_heads and s",
    )
    name: str


@dataclass(frozen=True, slots=True)
class ReservedName(Diagnostic):
    """A parameter or input that takes a keyword of the operator's call."""

    code: ClassVar[str] = "reserved-name"
    title: ClassVar[str] = "`{name}` is reserved"
    label: ClassVar[str] = "{reason}"
    hints: ClassVar[tuple[str, ...]] = ("choose another name",)
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnusedParameter(Diagnostic):
    """A parameter that nothing reads."""

    code: ClassVar[str] = "unused-parameter"
    title: ClassVar[str] = "parameter `{name}` is never used"
    hints: ClassVar[tuple[str, ...]] = ("remove it, or use it",)
    name: str


@dataclass(frozen=True, slots=True)
class UnusedInput(Diagnostic):
    """An input that nothing reads."""

    code: ClassVar[str] = "unused-input"
    title: ClassVar[str] = "input `{name}` is never used"
    hints: ClassVar[tuple[str, ...]] = ("remove it, or use it",)
    name: str


@dataclass(frozen=True, slots=True)
class RecursiveMask(Diagnostic):
    """A mask that is part of itself."""

    code: ClassVar[str] = "recursive-mask"
    title: ClassVar[str] = "mask `{name}` is defined by itself"
    notes: ClassVar[tuple[str, ...]] = ("the chain is {chain}",)
    name: str
    chain: str


@dataclass(frozen=True, slots=True)
class ScoreOutsideScore(Diagnostic):
    """`s` in a mask or a default."""

    code: ClassVar[str] = "score-outside-score"
    title: ClassVar[str] = "`s` can only be used in a score"
    label: ClassVar[str] = "the scaled dot product has no value here"
