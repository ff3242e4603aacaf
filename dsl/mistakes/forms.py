"""Mistakes in what an attention consists of."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic, closest, listing


@dataclass(frozen=True, slots=True)
class MissingMask(Diagnostic):
    """An attention without a mask."""

    code: ClassVar[str] = "missing-mask"
    title: ClassVar[str] = "attention `{name}` has no mask"
    hints: ClassVar[tuple[str, ...]] = ("every pair: `mask full`",)
    name: str


@dataclass(frozen=True, slots=True)
class NoAttention(Diagnostic):
    """A file that defines masks only."""

    code: ClassVar[str] = "no-attention"
    title: ClassVar[str] = "no attention is defined"
    hints: ClassVar[tuple[str, ...]] = ("add `attention NAME {{ mask ... }}`",)


@dataclass(frozen=True, slots=True)
class SeveralAttentions(Diagnostic):
    """More than one attention in a file."""

    code: ClassVar[str] = "several-attentions"
    title: ClassVar[str] = "a second attention `{name}`"
    notes: ClassVar[tuple[str, ...]] = (
        "the first is at {first}",
        "a file holds one attention; masks may be shared with `use`",
    )
    name: str
    first: str


@dataclass(frozen=True, slots=True)
class DuplicateStatement(Diagnostic):
    """Two statements of which an attention has one."""

    code: ClassVar[str] = "duplicate-statement"
    title: ClassVar[str] = "a second `{kind}`"
    notes: ClassVar[tuple[str, ...]] = ("the first is at {first}",)
    hints: ClassVar[tuple[str, ...]] = ("{advice}",)
    kind: str
    first: str

    @property
    def advice(self) -> str | None:
        """How to say both at once."""
        return "join masks with `|` or `&`" if self.kind == "mask" else None


@dataclass(frozen=True, slots=True)
class NormaliserArguments(Diagnostic):
    """Arguments that a normaliser does not take."""

    code: ClassVar[str] = "normaliser-arguments"
    title: ClassVar[str] = "`normalize {name}` does not take these arguments"
    hints: ClassVar[tuple[str, ...]] = (
        "write `normalize softmax(sink = z[h])`, `normalize softmax` or `normalize softmax1`",
    )
    name: str


@dataclass(frozen=True, slots=True)
class SinkVaries(Diagnostic):
    """The logit of a sink that differs between positions."""

    code: ClassVar[str] = "sink-varies"
    title: ClassVar[str] = "a sink's logit may not depend on {what}"
    notes: ClassVar[tuple[str, ...]] = ("it is one number for each head",)
    hints: ClassVar[tuple[str, ...]] = ("declare `input z: float[h] grad` and write `z[h]`",)
    what: str


@dataclass(frozen=True, slots=True)
class UnknownNormaliser(Diagnostic):
    """A normaliser that the language lacks."""

    code: ClassVar[str] = "unknown-normaliser"
    title: ClassVar[str] = "unknown normaliser `{name}`"
    notes: ClassVar[tuple[str, ...]] = ("normalisers are {normalisers}",)
    hints: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    name: str
    known: tuple[str, ...]

    @property
    def suggestion(self) -> str | None:
        """The known name nearest to this one."""
        return closest(self.name, self.known)

    @property
    def normalisers(self) -> str:
        """All names, for the note."""
        return listing(self.known, "and")


@dataclass(frozen=True, slots=True)
class AxesOutOfOrder(Diagnostic):
    """Axes in another order than the fixed one, or one twice."""

    code: ClassVar[str] = "axes-out-of-order"
    title: ClassVar[str] = "the axes `{axes}` are out of order"
    notes: ClassVar[tuple[str, ...]] = ("the order is {order}; each at most once",)
    axes: str
    order: str


@dataclass(frozen=True, slots=True)
class GradientOfInt(Diagnostic):
    """`grad` on an input that is no float."""

    code: ClassVar[str] = "gradient-of-int"
    title: ClassVar[str] = "input `{name}` is no float and has no gradient"
    hints: ClassVar[tuple[str, ...]] = ("declare it float, or remove `grad`",)
    name: str
