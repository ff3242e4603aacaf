"""Mistakes with grids: axes, coordinates, and positions that have no meaning on one."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic, closest, listing
from attnc.dsl.source import Span


@dataclass(frozen=True, slots=True)
class UnknownGridAxis(Diagnostic):
    """A coordinate or an `on` of an axis that the grid lacks."""

    code: ClassVar[str] = "unknown-grid-axis"
    title: ClassVar[str] = "the grid has no axis `{name}`"
    notes: ClassVar[tuple[str, ...]] = ("its axes are {axes}",)
    hints: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    name: str
    known: tuple[str, ...]

    @property
    def suggestion(self) -> str | None:
        """The known axis nearest to this one."""
        return closest(self.name, self.known)

    @property
    def axes(self) -> str:
        """All axes, for the note."""
        return listing(self.known, "and")


@dataclass(frozen=True, slots=True)
class MissingGrid(Diagnostic):
    """A coordinate or an `on` where no grid is declared."""

    code: ClassVar[str] = "missing-grid"
    title: ClassVar[str] = "{what} needs a grid"
    hints: ClassVar[tuple[str, ...]] = ("declare its axes: `grid y: H, x: W`",)
    what: str


@dataclass(frozen=True, slots=True)
class NotOnGrid(Diagnostic):
    """A statement that is about sequences only."""

    code: ClassVar[str] = "not-on-grid"
    title: ClassVar[str] = "{what} is not for grids"
    notes: ClassVar[tuple[str, ...]] = ("{reason}",)
    hints: ClassVar[tuple[str, ...]] = ("{way_out}",)
    what: str
    reason: str
    way_out: str


def route_on_axis(name: str, axis: str, span: Span) -> NotOnGrid:
    """A route inside of `on`."""
    reason = "a route chooses among the points of the whole grid"
    way_out = "call it outside of `on`; `within` may have masks on axes"
    return NotOnGrid(f"`{name}` on `{axis}`", reason, way_out, span=span)


def cross_on_grid(span: Span) -> NotOnGrid:
    """Queries of another sequence."""
    reason = "queries and keys are the same points"
    return NotOnGrid("`cross`", reason, "make the other queries a segment of tokens", span=span)


def cache_on_grid(span: Span) -> NotOnGrid:
    """What a decoder would keep."""
    reason = "a cache is what decoding keeps, and a call has all points of its grid"
    way_out = "claim it of a mask on a sequence, such as the one along the axis of time"
    return NotOnGrid("`assert bounded_cache`", reason, way_out, span=span)


@dataclass(frozen=True, slots=True)
class BarePosition(Diagnostic):
    """Arithmetic on the position of a token that is a point of a grid."""

    code: ClassVar[str] = "bare-position"
    title: ClassVar[str] = "`{name}` is a point of the grid and no number"
    notes: ClassVar[tuple[str, ...]] = ("`q` and `k` may only be compared, in row-major order",)
    hints: ClassVar[tuple[str, ...]] = (
        "use a coordinate, `{name}.{axis}`, or put the mask on an axis: `M on {axis}`",
    )
    name: str
    axis: str


@dataclass(frozen=True, slots=True)
class InputOnAxis(Diagnostic):
    """An input read at a token inside a mask that is put on an axis."""

    code: ClassVar[str] = "input-on-axis"
    title: ClassVar[str] = "`{name}` is read at a token, but `{index}` is a coordinate here"
    hints: ClassVar[tuple[str, ...]] = ("read it outside of `on {axis}`",)
    name: str
    index: str
    axis: str


@dataclass(frozen=True, slots=True)
class ExtentNotConstant(Diagnostic):
    """The extent of an axis that is neither a new name nor a positive constant."""

    code: ClassVar[str] = "extent-not-constant"
    title: ClassVar[str] = "`{text}` is no extent of an axis"
    hints: ClassVar[tuple[str, ...]] = (
        "write a new name, which the call gives (`grid=(...)`), or a positive constant",
    )
    text: str


@dataclass(frozen=True, slots=True)
class ExtentIsMask(Diagnostic):
    """The extent of an axis that has the name of a mask."""

    code: ClassVar[str] = "extent-is-mask"
    title: ClassVar[str] = "`{name}` is a mask and no extent of an axis"
    hints: ClassVar[tuple[str, ...]] = ("choose a name of its own, as in `{axis}: {suggestion}`",)
    name: str
    axis: str

    @property
    def suggestion(self) -> str:
        """What extents are usually called: the axis, as a capital."""
        return self.axis.upper() if self.axis != self.axis.upper() else f"N{self.axis}"


@dataclass(frozen=True, slots=True)
class NestedAxis(Diagnostic):
    """A mask that is put on an axis while it is on one already."""

    code: ClassVar[str] = "nested-axis"
    title: ClassVar[str] = "`on {inner}` stands inside of `on {outer}`"
    notes: ClassVar[tuple[str, ...]] = ("a mask is of one axis",)
    hints: ClassVar[tuple[str, ...]] = ("join masks of each axis: `M on {inner} & M on {outer}`",)
    inner: str
    outer: str
