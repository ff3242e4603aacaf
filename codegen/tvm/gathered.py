"""Tiles of the queries that chose a unit of keys, wherever they lie."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnc.codegen.expressions import INT, Value
from attnc.codegen.tvm.line import Line
from attnc.dsl.syntax import Binary, Compare, Expr, Name

if TYPE_CHECKING:
    from attnc.codegen.tvm.axes import Axis
    from attnc.codegen.tvm.context import Context


@dataclass(frozen=True, slots=True)
class Gathered(Line):
    """Owned are keys of unit `u`, visited its `members`: the sorted queries from `unit_first` on.

    Behind them the list is filled up to a whole tile with a row past the last one.
    """

    def names(self, context: "Context") -> dict[str, Value]:
        """Plans read the unit and the number of its queries."""
        return {name: Value(name, INT) for name in ("u", "members", "unit_end")}

    def emit_tile(self, context: "Context") -> None:
        """Which unit the owned tile is of, and where its keys begin."""
        parts = -(-context.gathered // context.rows)
        owned, size = context.owned, context.gathered
        context.out.line(
            f"u: T.int32 = {owned.tile} // {parts}",
            f"unit_end: T.int32 = u * {size} + {size}",
            f"{owned.first}: T.int32 = u * {size} + {owned.tile} % {parts} * {context.rows}",
            f"{owned.position}: T.int32 = {owned.start} + {owned.first}",
        )

    def exists(self, context: "Context") -> str:
        """Whether the owned tile has a row."""
        return f"{context.owned.first} < {context.owned.length}"

    def row(self, first: str, j: int | str) -> str:
        """The row of a visited tile, whose first member is `first`."""
        return self._member(f"{first} + {j}")

    def all_exist(self, context: "Context") -> str:
        """Whether all rows of the owned tile exist and are of the unit."""
        owned = context.owned
        return f"{owned.first} + {context.rows} <= T.min({owned.length}, unit_end - {owned.start})"

    def emit_bounds(self, context: "Context") -> dict[str, Value]:
        """The bounds of the owned tile, and of the candidate `tile`, whose rows ascend."""
        names, size = Line.emit_bounds(self, context), context.machine.keys
        own_last = f"T.min({context.owned.first} + {context.rows}, {context.owned.length})"
        last = f"T.min(tile * {size} + {size}, members) - 1"
        own, visited = context.owned, context.visited
        ends = {
            f"{own.name}_high": f"T.min({own.start} + {own_last}, unit_end) - 1",
            f"{visited.name}_low": f"{visited.start} + {self._member(f'tile * {size}')}",
            f"{visited.name}_high": f"{visited.start} + {self._member(last)}",
        }
        return names | {name: Value(f"({text})", INT) for name, text in ends.items()}

    def _member(self, index: str) -> str:
        return f"lists[members_at + T.Cast('int64', unit_first + {index})]"

    def candidates(self, context: "Context") -> tuple[str, str]:
        """The first member of the candidate `tile`, and how many there are from it on."""
        first = f"tile * {context.machine.keys}"
        return first, f"members - {first}"

    def row_exists(self, side: "Axis", owned: bool) -> Expr:
        """The condition for a row of a side to exist: of a key, to be in the unit."""
        exists = Line.row_exists(self, side, owned)
        if not owned:
            return exists
        return Binary("and", exists, Compare(("<",), (Name("k"), Name("unit_end"))))
