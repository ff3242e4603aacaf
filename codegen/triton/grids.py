"""Boxes of a grid: the rows of a tile, and their coordinates.

Tiles are boxes of points, owned and visited ones, whose sides are powers of two. Owned boxes are
numbered row by row; tables hold the first rows of visited boxes, from which their coordinates
follow. Kernels take the extents `len_y`, ... and compute strides from them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

from attnc.codegen.expressions import INT, Value
from attnc.codegen.triton.lines import tidy
from attnc.compiler.dialects import tile

if TYPE_CHECKING:
    from attnc.codegen.triton.context import Context

SPREAD = {True: "[:, None]", False: "[None, :]"}  # whether rows are the owned ones


@dataclass(frozen=True)
class Grid:
    """The axes of a kernel's grid, and the points of both boxes along each."""

    kernel: tile.KernelOp

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The names of the axes, the last one the fastest."""
        return tuple(axis.label.data for axis in self.kernel.axes)

    @cached_property
    def constants(self) -> tuple[int | None, ...]:
        """The extents that the spec fixes."""
        texts = (axis.extent.data for axis in self.kernel.axes)
        return tuple(int(text) if text.isdigit() else None for text in texts)

    def box(self, axis: str) -> tuple[int, ...]:
        """The points along each axis of a tile of queries or of keys."""
        owned = axis == self.kernel.owner.data
        sizes = (one.rows if owned else one.visited for one in self.kernel.axes)
        return tuple(int(size.value.data) for size in sizes)

    def boxes(self, axis: str) -> list[tuple[str, int]]:
        """The axes with these points."""
        return [*zip(self.labels, self.box(axis), strict=True)]

    @property
    def extents(self) -> tuple[str, ...]:
        """The arguments of a kernel that say how long the axes are."""
        return tuple(f"len_{label}" for label in self.labels)

    def points(self, axis: str) -> tuple[str, ...]:
        """The names of the coordinates of a tile's rows."""
        return tuple(f"{axis}_{label}" for label in self.labels)

    def stride(self, label: str) -> str:
        """The rows from one point to the next along an axis."""
        inner = self.extents[self.labels.index(label) + 1 :]
        return f"({' * '.join(inner)})" if inner else "1"

    def tiles(self, axis: str) -> str:
        """The number of boxes, for the host."""
        counts = (f"triton.cdiv(len_{label}, {box})" for label, box in self.boxes(axis))
        return " * ".join(counts)

    def names(self, owner: str) -> dict[str, Value]:
        """What plans and expressions may read: extents, strides, the owned box, coordinates."""
        place = {"q": "t", "k": "c"}[owner]
        found = {}
        for label in self.labels:
            found[f"len.{label}"] = Value(f"len_{label}", INT)
            found[f"stride.{label}"] = Value(self.stride(label), INT)
            found[f"{place}.{label}"] = Value(f"{place}_{label}", INT)
            for axis in "qk":
                found[f"{axis}.{label}"] = Value(f"{axis}_{label}{SPREAD[axis == owner]}", INT)
        return found

    def emit_place(self, context: "Context") -> None:
        """Where the owned box lies along each axis, in boxes."""
        place = rest = {"q": "t", "k": "c"}[context.owner]
        for label, box in reversed(self.boxes(context.owner)[1:]):
            count = f"tl.cdiv(len_{label}, {box})"
            context.out.line(f"{place}_{label} = {rest} % {count}")
            rest = f"{rest} // {count}"
        context.out.line(f"{place}_{self.labels[0]} = {rest}")

    def emit_owned(self, context: "Context") -> None:
        """The coordinates and the rows of the owned box, and whether they exist."""
        out, axis = context.out, context.owner
        place = {"q": "t", "k": "c"}[axis]
        for label, box in self.boxes(axis):
            digit = self.digit(axis, label)
            out.line(f"{axis}_{label} = {place}_{label} * {box}{digit}  # [{context.block(axis)}]")
        terms = (_times(f"{axis}_{label}", self.stride(label)) for label in self.labels)
        out.line(f"i_{axis} = {tidy(' + '.join(terms))}", f"m_owned = {self.exist(axis)}")

    def visited(self, axis: str) -> dict[str, str]:
        """The rows and coordinates of the visited box whose first row is `c` (or `t`)."""
        first = {"q": "t", "k": "c"}[axis]
        digits = (
            _times(self.digit(axis, label).removeprefix(" + "), self.stride(label))
            for label, box in self.boxes(axis)
            if box > 1
        )
        found = {f"i_{axis}": tidy(" + ".join([first, *digits]))}
        for label, place in self.places(first).items():
            found[f"{axis}_{label}"] = f"{place}{self.digit(axis, label)}"
        return found | {"m_visited": self.exist(axis)}

    def emit_rows(self, context: "Context", axis: str) -> None:
        """The rows of a tile where bounds are computed, and whether they exist."""
        out = context.out
        out.line(f"r_{axis} = tl.arange(0, {prod(self.box(axis))})")
        if axis == context.owner:
            self.emit_owned(context)
        else:
            out.line(*(f"{name} = {text}" for name, text in self.visited(axis).items()))
        exists = "m_owned" if axis == context.owner else "m_visited"
        out.line(f"m_{axis} = {exists}", f"{axis} = i_{axis}")

    def digit(self, axis: str, label: str) -> str:
        """What is added to a box's first coordinate for each of its rows."""
        at, box = self.labels.index(label), self.box(axis)
        inner = prod(box[at + 1 :])
        if box[at] == 1:
            return ""
        number = f"r_{axis} // {inner}" if inner > 1 else f"r_{axis}"
        return f" + {number} % {box[at]}" if prod(box[:at]) > 1 else f" + {number}"

    def places(self, row: str) -> dict[str, str]:
        """The coordinates of a row."""
        found = {}
        for place, label in enumerate(self.labels):
            stride = self.stride(label)
            outer = f"({row}) // {stride}" if stride != "1" else row
            found[label] = tidy(f"{outer} % len_{label}" if place else outer)
        return found

    def exist(self, axis: str) -> str:
        """Whether points exist."""
        return _all(f"({axis}_{label} < len_{label})" for label in self.labels)

    def emit_ends(self, context: "Context", axis: str) -> dict[str, Value]:
        """The least and the greatest coordinates of a tile, and rows."""
        own = axis == context.owner
        first = {"q": "t", "k": "c"}[axis]
        if not own:
            for label, place in self.places(first).items():
                context.out.line(f"{axis}_{label}_low = {place}")
        found: dict[str, Value] = {}
        ends: dict[str, list[str]] = {"low": [], "high": []}
        for label, box in self.boxes(axis):
            low = f"({first}_{label} * {box})" if own else f"{axis}_{label}_low"
            high = f"(tl.minimum({low} + {box}, len_{label}) - 1)"
            for end, text in (("low", low), ("high", high)):
                found[f"{axis}.{label}_{end}"] = Value(text, INT)
                ends[end].append(_times(text, self.stride(label)))
        for end, terms in ends.items():
            found[f"{axis}_{end}"] = Value(f"({' + '.join(terms)})", INT)
        return found

    def whole(self, axis: str) -> str:
        """Whether all points of a candidate exist."""
        return _all(
            f"({axis}_{label}_low + {box} <= len_{label})" for label, box in self.boxes(axis)
        )


def _times(text: str, stride: str) -> str:
    """Points as rows; a remainder binds as tightly as a product does."""
    return text if stride == "1" else f"({text}) * {stride}"


def _all(tests: Iterable[str]) -> str:
    return " & ".join(tests)


def grid_of(kernel: tile.KernelOp) -> Grid | None:
    """The grid that the kernel's tiles are boxes of."""
    return Grid(kernel) if any(axis.label.data for axis in kernel.axes) else None
