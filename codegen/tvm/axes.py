"""The two sides of the pairs, and the names that a kernel gives to what belongs to each.

A kernel owns a tile of one side, whose rows lie in the lanes of vectors, and visits tiles of the
other side, whose rows it takes one by one.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axis:
    """Queries or keys: `name` is the axis, `tile` the number of a tile, `index` that of a row."""

    name: str
    tile: str
    index: str
    word: str  # the variable that holds a position in an expression

    @property
    def row(self) -> str:
        """The tensor row of the sequence's first row."""
        return f"{self.name}_row"

    @property
    def start(self) -> str:
        """The position of the sequence's first row."""
        return f"{self.name}_start"

    @property
    def length(self) -> str:
        """The number of rows of the sequence."""
        return f"{self.name}_len"

    @property
    def first(self) -> str:
        """The first row of the owned tile."""
        return f"{self.index}_first"

    @property
    def position(self) -> str:
        """The position of the first row of the owned tile."""
        return f"{self.name}_first"

    @property
    def end(self) -> str:
        """The position after the last row."""
        return f"({self.start} + {self.length})"


QUERIES = Axis("q", "t", "i", "query")
KEYS = Axis("k", "c", "j", "key")
