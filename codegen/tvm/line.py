"""Tiles of consecutive rows of a sequence, or of one residue class of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnc.codegen.expressions import INT, Value
from attnc.dsl.syntax import Compare, Expr, Name

if TYPE_CHECKING:
    from attnc.codegen.tvm.axes import Axis
    from attnc.codegen.tvm.context import Context


@dataclass(frozen=True, slots=True)
class Line:
    """Tiles of consecutive rows, `step` apart."""

    step: int
    classes: int
    columns: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def names(self, context: "Context") -> dict[str, Value]:
        """Nothing more than any kernel reads."""
        return {}

    def emit_tile(self, context: "Context") -> None:
        """The first row of the owned tile, and its position."""
        owned = context.owned
        context.out.line(
            f"{owned.first}: T.int32 = {owned.tile} * {context.owned_rows}",
            f"{owned.position}: T.int32 = {owned.start} + {owned.first}",
        )

    def emit_rows(self, context: "Context") -> None:
        """Nothing: rows follow from the first one."""

    def exists(self, context: "Context") -> str:
        """Whether the owned tile has a row."""
        return f"{context.owned.tile} * {context.owned_rows} < {context.owned.length}"

    @contextmanager
    def existing(self, context: "Context") -> Iterator[None]:
        """A loop over the rows `r` of the owned tile that exist."""
        owned, packed = context.owned, context.placement.packed
        rows = f"T.min({context.owned_rows}, {owned.length} - {owned.first})"
        with context.out.block(f"for r in range({rows if packed == 1 else f'{rows} * {packed}'}):"):
            yield

    def emit_point(self, context: "Context", row: str) -> str:
        """The variable that holds the position of a row of the owned tile."""
        return context.out.bind("own", f"{context.owned.position} + {row}")

    def all_exist(self, context: "Context") -> str:
        """Whether all rows of the owned tile exist."""
        return f"{context.owned.first} + {context.rows} <= {context.owned.length}"

    def owned_row(self, context: "Context", row: str, held: bool = False) -> str:
        """The tensor row of a row of the owned tile; `held`: the last one repeats."""
        owned = context.owned
        query = f"{owned.first} + {context.placement.query(row)}"
        if held:
            query = f"T.min({query}, {owned.length} - 1)"
        return self.tensor_row(query)

    def emit_place(self, context: "Context", tile: str) -> None:
        """Nothing: the place of a tile is its number."""

    def place(self, context: "Context", tile: str) -> str:
        """The tensor row of the first row of a tile of the owned side."""
        return self.tensor_row(f"{tile} * {context.owned_rows}")

    def first(self, context: "Context", index: str) -> str:
        """The first row of the visited tile at an index of the lists."""
        return f"{context.list_name}[{index}] * {context.machine.keys}"

    def row(self, first: str, j: int | str) -> str:
        """The row of a visited tile."""
        return f"{first} + {j}"

    def last(self, side: "Axis") -> str:
        """The last row of a side."""
        return f"{side.length} - 1"

    def tensor_row(self, row: str) -> str:
        """Where a row lies in the tensors."""
        return row if self.step == 1 else f"({row}) * {self.step}"

    def emit_bounds(self, context: "Context") -> dict[str, Value]:
        """The least and greatest positions of the owned tile and of the candidate `tile`."""
        owned, visited, size = context.owned, context.visited, context.machine.keys
        own_last = f"T.min({owned.first} + {context.owned_rows}, {owned.length})"
        last = f"T.min(tile * {size} + {size}, {visited.length})"
        return {
            f"{owned.name}_low": Value(owned.position, INT),
            f"{owned.name}_high": Value(f"({owned.start} + {own_last} - 1)", INT),
            f"{visited.name}_low": Value(f"({visited.start} + tile * {size})", INT),
            f"{visited.name}_high": Value(f"({visited.start} + {last} - 1)", INT),
        }

    def candidates(self, context: "Context") -> tuple[str, str]:
        """The first row of the candidate `tile`, and how many of its rows exist at most."""
        size = context.machine.keys
        return f"tile * {size}", f"{context.visited.length} - tile * {size}"

    def row_exists(self, side: "Axis", owned: bool) -> Expr:
        """The condition for a row of a visited tile (of the owned one) to exist."""
        return Compare(("<",), (Name(side.name), Name("len" if side.name == "k" else "q_end")))
