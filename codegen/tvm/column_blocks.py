"""Columns in the lanes: in blocks that fill registers."""

from dataclasses import dataclass

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.micro import Visited


@dataclass(frozen=True, slots=True)
class Blocks:
    """Columns cut into blocks of so many numbers; the last block overlaps the one before.

    In scratch the blocks lie side by side; the columns that the last block repeats are zero in the
    query, so that they count once, and are stored twice from the output.
    """

    columns: int
    numbers: int

    @property
    def count(self) -> int:
        """The number of blocks."""
        return -(-self.columns // self.numbers)

    @property
    def width(self) -> int:
        """Numbers of a row in scratch."""
        return self.count * self.numbers

    def first(self, block: str | int) -> str:
        """The first column of a block."""
        if isinstance(block, int):
            return str(min(block * self.numbers, self.columns - self.numbers))
        return f"T.min({block} * {self.numbers}, {self.columns - self.numbers})"

    def range(self, some: range) -> range:
        """The columns of some neighbouring blocks."""
        return range(some.start * self.numbers, min(some.stop * self.numbers, self.columns))


def blocks_of(context: Context, columns: int) -> Blocks:
    """A block is a register of numbers, or of pairs of them."""
    return Blocks(columns, context.machine.lanes * (2 if context.paired else 1))


def held(operand: Visited, row: str) -> str:
    """Where a row of the tile begins; the last row is read in place of missing ones."""
    name = operand.name
    return f"T.min({name}_first + {row} * {name}_s2, {name}_last)"
