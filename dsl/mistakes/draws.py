"""Mistakes with numbers drawn at random."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class ChanceNotConstant(Diagnostic):
    """A probability that varies."""

    code: ClassVar[str] = "chance-not-constant"
    title: ClassVar[str] = "the probability `{expression}` of `chance` varies"
    label: ClassVar[str] = "must be a compile-time constant"
    notes: ClassVar[tuple[str, ...]] = ("the seed and the places may vary",)
    expression: str


@dataclass(frozen=True, slots=True)
class ChanceOutOfRange(Diagnostic):
    """A probability below 0 or above 1."""

    code: ClassVar[str] = "chance-out-of-range"
    title: ClassVar[str] = "the probability of `chance` is {value}"
    label: ClassVar[str] = "must be from 0 to 1"
    value: str


@dataclass(frozen=True, slots=True)
class DrawOutOfRange(Diagnostic):
    """A draw from no numbers, or from more than the hash tells apart."""

    code: ClassVar[str] = "draw-out-of-range"
    title: ClassVar[str] = "`draw` from {count} numbers"
    label: ClassVar[str] = "must be from 1 to 2^31 - 1"
    count: int
