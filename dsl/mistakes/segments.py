"""Mistakes with segments of tokens beside a grid."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class SegmentTest(Diagnostic):
    """A test of a segment that is not of a whole position."""

    code: ClassVar[str] = "segment-test"
    title: ClassVar[str] = "`{name}` is a segment of tokens: ask whether a position is in it"
    hints: ClassVar[tuple[str, ...]] = ("write `q in {name}` or `k in {name}`",)
    name: str


@dataclass(frozen=True, slots=True)
class SegmentOnAxis(Diagnostic):
    """A test of a segment inside a mask that is put on an axis, where all tokens are points."""

    code: ClassVar[str] = "segment-on-axis"
    title: ClassVar[str] = "`{name} in {segment}` cannot hold on an axis: a mask there is of points"
    hints: ClassVar[tuple[str, ...]] = ("ask outside of `on {axis}`",)
    name: str
    segment: str
    axis: str


@dataclass(frozen=True, slots=True)
class CoordinateOffGrid(Diagnostic):
    """A score that reads a coordinate, which a token of a segment lacks."""

    code: ClassVar[str] = "coordinate-off-grid"
    title: ClassVar[str] = "`{name}` has no value for tokens of `{segment}`"
    hints: ClassVar[tuple[str, ...]] = (
        "say what the score is there: `where(q in {segment} or k in {segment}, s, ...)`",
    )
    name: str
    segment: str


@dataclass(frozen=True, slots=True)
class SegmentLength(Diagnostic):
    """The length of a segment that is neither a new name nor a positive constant."""

    code: ClassVar[str] = "segment-length"
    title: ClassVar[str] = "`{text}` is no length of a segment"
    hints: ClassVar[tuple[str, ...]] = (
        "write a new name, whose value the call gives (`{name}=77`), or a positive constant",
    )
    text: str
    name: str
