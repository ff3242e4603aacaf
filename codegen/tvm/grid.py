"""Boxes of a grid.

An owned tile is a box of points, whose rows and coordinates are kept in the thread's scratch. A
visited one is a run of points along the last axis; lists hold the rows of first points, from which
coordinates follow. Plans see `t.y` (`c.y`) for the place of the owned tile along an axis, `len.y`
for its extent and `stride.y` for the rows from one point to the next.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnc.codegen.expressions import INT, Value
from attnc.dsl.syntax import Binary, Compare, Expr, Name

if TYPE_CHECKING:
    from attnc.codegen.tvm.axes import Axis
    from attnc.codegen.tvm.context import Context


@dataclass(frozen=True, slots=True)
class Grid:
    """Boxes of a grid, whose axes are `labels`, the last one the fastest."""

    labels: tuple[str, ...]
    boxes: tuple[int, ...]
    step: int
    classes: int

    @property
    def columns(self) -> tuple[str, ...]:
        """What the table of sequences says of a grid: extents, then strides of all but the last."""
        extents = tuple(f"len_{label}" for label in self.labels)
        return (*extents, *(f"stride_{label}" for label in self.labels[:-1]))

    @property
    def parts(self) -> tuple[str, ...]:
        """The numbers kept for each row of the owned tile: its tensor row and coordinates."""
        return ("own_row", *(f"own_{label}" for label in self.labels))

    def emit_tile(self, context: "Context") -> None:
        """The place of the owned tile along each axis."""
        self.emit_place(context, context.owned.tile)

    def emit_place(self, context: "Context", tile: str) -> None:
        """The place of a tile of the owned side along each axis."""
        out, rest = context.out, tile
        for label, box in reversed([*zip(self.labels, self.boxes, strict=True)][1:]):
            tiles, before = (
                f"T.max(1, (len_{label} + {box - 1}) // {box})",
                f"{tile}_before_{label}",
            )
            out.line(
                f"{tile}_{label}: T.int32 = {rest} % {tiles}",
                f"{before}: T.int32 = {rest} // {tiles}",
            )
            rest = before
        out.line(f"{tile}_{self.labels[0]}: T.int32 = {rest}")

    def emit_rows(self, context: "Context") -> None:
        """Tensor row and coordinates of each row of the owned tile; missing ones read another."""
        out, tile = context.out, context.owned.tile
        inner = 1
        digits: dict[str, str] = {}
        for label, box in reversed([*zip(self.labels, self.boxes, strict=True)]):
            digit = "r" if inner == 1 else f"r // {inner}"
            digits[label] = f"{tile}_{label} * {box} + ({digit}) % {box}"
            inner *= box
        with out.block(f"for r in range({context.rows}):"):
            for label in self.labels:
                out.line(f"copies[own_{label}_at + r] = {digits[label]}")
            terms = [
                self.apart(f"T.min(copies[own_{label}_at + r], len_{label} - 1)", label)
                for label in self.labels
            ]
            out.line(f"copies[own_row_at + r] = {' + '.join(terms)}")

    def stride(self, label: str) -> str:
        """The rows from one point to the next along an axis."""
        return str(self.step) if label == self.labels[-1] else f"stride_{label}"

    def apart(self, points: str, label: str) -> str:
        """The rows of so many points along an axis."""
        stride = self.stride(label)
        return points if stride == "1" else f"{points} * {stride}"

    def exists(self, context: "Context") -> str:
        """Whether the owned tile has a point."""
        tile = context.owned.tile
        places = zip(self.labels, self.boxes, strict=True)
        return _all(f"{tile}_{label} * {box} < len_{label}" for label, box in places)

    @contextmanager
    def existing(self, context: "Context") -> Iterator[None]:
        """A loop over the rows `r` of the owned tile that exist."""
        out = context.out
        inside = _all(f"copies[own_{label}_at + r] < len_{label}" for label in self.labels)
        with out.block(f"for r in range({context.rows}):"), out.block(f"if {inside}:"):
            yield

    def emit_point(self, context: "Context", row: str) -> str:
        """The variable that holds the tensor row of a row of the owned tile.

        Variables of its name and that of an axis hold its coordinates.
        """
        name = context.out.bind("own", f"copies[own_row_at + {row}]")
        for label in self.labels:
            context.out.line(f"{name}_{label}: T.int32 = copies[own_{label}_at + {row}]")
        return name

    def all_exist(self, context: "Context") -> str:
        """Whether all points of the owned tile exist."""
        tile = context.owned.tile
        places = zip(self.labels, self.boxes, strict=True)
        return _all(f"{tile}_{label} * {box} + {box} <= len_{label}" for label, box in places)

    def owned_row(self, context: "Context", row: str, held: bool = False) -> str:
        """The tensor row of a row of the owned tile."""
        return f"copies[own_row_at + {row}]"

    def place(self, context: "Context", tile: str) -> str:
        """The tensor row of the first point of a tile of the owned side."""
        places = zip(self.labels, self.boxes, strict=True)
        return " + ".join(self.apart(f"{tile}_{label} * {box}", label) for label, box in places)

    def first(self, context: "Context", index: str) -> str:
        """The first row of the visited tile at an index of the lists."""
        return f"{context.list_name}[{index}]"

    def row(self, first: str, j: int | str) -> str:
        """The row of a visited tile."""
        if isinstance(j, int):
            return f"{first} + {j * self.step}"
        return f"{first} + {j}" if self.step == 1 else f"{first} + ({j}) * {self.step}"

    def last(self, side: "Axis") -> str:
        """The last row of the grid."""
        return " + ".join(self.apart(f"(len_{label} - 1)", label) for label in self.labels)

    def tensor_row(self, row: str) -> str:
        """Where a row lies in the tensors."""
        return row

    def emit_bounds(self, context: "Context") -> dict[str, Value]:
        """The least and greatest coordinates of the owned tile and of the candidate `tile`."""
        owned, visited, size = context.owned, context.visited, context.machine.keys
        self.emit_visited(context, "tile", "0")
        found: dict[str, Value] = {}
        lows, highs = [], []
        for label, box in zip(self.labels, self.boxes, strict=True):
            low, end = f"{owned.tile}_{label} * {box}", f"len_{label}"
            high = f"(T.min({low} + {box}, {end}) - 1)"
            found |= _ends(f"{owned.name}.{label}", f"({low})", high)
            lows.append(self.apart(f"({low})", label))
            highs.append(self.apart(high, label))
            at = f"{visited.word}_{label}"
            run = f"(T.min({at} + {size}, {end}) - 1)" if label == self.labels[-1] else at
            found |= _ends(f"{visited.name}.{label}", at, run)
        found |= _ends(owned.name, f"({' + '.join(lows)})", f"({' + '.join(highs)})")
        return found | _ends(visited.name, "tile", f"(tile + {(size - 1) * self.step})")

    def candidates(self, context: "Context") -> tuple[str, str]:
        """The first row of the candidate `tile`, and how many of its points exist at most."""
        label = self.labels[-1]
        return "tile", f"len_{label} - {context.visited.word}_{label}"

    def row_exists(self, side: "Axis", owned: bool) -> Expr:
        """The condition for a point of a visited tile (of the owned one) to exist.

        A visited tile is listed only if its first point exists.
        """
        labels = self.labels if owned else self.labels[-1:]
        tests: list[Expr] = [
            Compare(("<",), (Name(f"{side.name}.{label}"), Name(f"len.{label}")))
            for label in labels
        ]
        found = tests[0]
        for test in tests[1:]:
            found = Binary("and", found, test)
        return found

    def names(self, context: "Context") -> dict[str, Value]:
        """What plans and expressions may read of the grid: scalars."""
        tile = context.owned.tile
        found = {f"len.{label}": Value(f"len_{label}", INT) for label in self.labels}
        found |= {f"{tile}.{label}": Value(f"{tile}_{label}", INT) for label in self.labels}
        return found | {f"stride.{label}": Value(self.stride(label), INT) for label in self.labels}

    def emit_visited(self, context: "Context", first: str, j: str) -> None:
        """The coordinates of point `j` of the visited tile whose first row is `first`."""
        out, word, rest = context.out, context.visited.word, first
        for label in self.labels[:-1]:
            out.line(f"{word}_{label}: T.int32 = {rest} // stride_{label}")
            rest = f"({rest}) % stride_{label}"
        column = rest if self.step == 1 else f"({rest}) // {self.step}"
        out.line(f"{word}_{self.labels[-1]}: T.int32 = {column} + {j}")

    def emit_owned(self, context: "Context", vector: str) -> None:
        """The rows and coordinates of a vector of owned rows."""
        lanes, word = context.machine.lanes, context.owned.word
        context.out.line(f"{word}: T.let = {context.part('own_row', f'{vector} * {lanes}')}")
        for label in self.labels:
            place = context.part(f"own_{label}", f"{vector} * {lanes}")
            context.out.line(f"{word}_{label}: T.let = {place}")


def _ends(name: str, low: str, high: str) -> dict[str, Value]:
    return {f"{name}_low": Value(low, INT), f"{name}_high": Value(high, INT)}


def _all(conditions: Iterator[str]) -> str:
    first, *others = conditions
    for other in others:
        first = f"T.And({first}, {other})"
    return first
