"""Mistakes in stacks of layers."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class StackIncomplete(Diagnostic):
    """A stack without layers, or without their number."""

    code: ClassVar[str] = "stack-incomplete"
    title: ClassVar[str] = "stack `{name}` does not say {what}"
    hints: ClassVar[tuple[str, ...]] = ("write `stack {name}(layers = 26) {{ layer i: full }}`",)
    name: str
    what: str


@dataclass(frozen=True, slots=True)
class LayerVaries(Diagnostic):
    """A condition or argument of a layer that is no constant."""

    code: ClassVar[str] = "layer-varies"
    title: ClassVar[str] = "`{text}` is no constant of a layer"
    notes: ClassVar[tuple[str, ...]] = ("a layer's pattern depends on its number and parameters",)
    text: str


@dataclass(frozen=True, slots=True)
class LayerWithoutPattern(Diagnostic):
    """A layer for which no case holds."""

    code: ClassVar[str] = "layer-without-pattern"
    title: ClassVar[str] = "layer {layer} has no pattern"
    label: ClassVar[str] = "no case holds for it"
    hints: ClassVar[tuple[str, ...]] = ("end with a case for all others: `full otherwise`",)
    layer: int


@dataclass(frozen=True, slots=True)
class StackNotAttention(Diagnostic):
    """A stack where one attention is wanted."""

    code: ClassVar[str] = "stack-not-attention"
    title: ClassVar[str] = "`{name}` is a stack of layers, not one attention"
    hints: ClassVar[tuple[str, ...]] = (
        "`attnc.stack(...)` compiles its layers; `attnc check` and `attnc analyze` take stacks",
    )
    name: str


@dataclass(frozen=True, slots=True)
class AttentionNotStack(Diagnostic):
    """One attention where a stack is wanted."""

    code: ClassVar[str] = "attention-not-stack"
    title: ClassVar[str] = "`{name}` is one attention, not a stack of layers"
    hints: ClassVar[tuple[str, ...]] = (
        "`attnc.compile` and `attnc.analyze` take it",
        "a stack is `stack NAME(layers = 4) {{ layer i: ... }}`",
    )
    name: str
