"""Tiles of the queries that chose a unit of keys, wherever they lie."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnc.codegen.expressions import INT, Value
from attnc.codegen.tvm.line import Line

if TYPE_CHECKING:
    from attnc.codegen.tvm.context import Context

ROW = "own_row"


@dataclass(frozen=True, slots=True)
class Gathered(Line):
    """Rows of the owned tile are those of queries `member_first` to `member_end` of the sorted."""

    parts: tuple[str, ...] = (ROW,)

    def names(self, context: "Context") -> dict[str, Value]:
        """Plans read the unit."""
        return {"u": Value("u", INT)}

    def emit_rows(self, context: "Context") -> None:
        """The tensor row of each row of the owned tile; the last one repeats."""
        out = context.out
        with out.block(f"for r in range({context.rows}):"):
            member = "T.min(member_first + r, member_end - 1)"
            out.line(f"copies[{ROW}_at + r] = lists[members_at + T.Cast('int64', {member})]")

    @contextmanager
    def existing(self, context: "Context") -> Iterator[None]:
        """A loop over the rows `r` of the owned tile that exist."""
        rows = f"T.min({context.rows}, member_end - member_first)"
        with context.out.block(f"for r in range({rows}):"):
            yield

    def owned_row(self, context: "Context", row: str, held: bool = False) -> str:
        """The tensor row of a row of the owned tile."""
        return f"copies[{ROW}_at + {row}]"

    def emit_owned(self, context: "Context", vector: str) -> None:
        """The positions of a vector of owned rows."""
        lanes, owned = context.machine.lanes, context.owned
        rows = context.part(ROW, f"{vector} * {lanes}")
        context.out.line(f"{owned.word}: T.let = T.broadcast({owned.start}, {lanes}) + {rows}")

    def emit_bounds(self, context: "Context") -> dict[str, Value]:
        """The bounds of the owned tile, whose rows ascend, and of the candidate `tile`."""
        owned, last = context.owned, context.rows - 1
        names = Line.emit_bounds(self, context)
        for end, row in (("low", 0), ("high", last)):
            place = f"({owned.start} + copies[{ROW}_at + {row}])"
            names[f"{owned.name}_{end}"] = Value(place, INT)
        return names
