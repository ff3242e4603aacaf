"""Pairs of parts: the tokens of a spec with segments are its grid and each of its segments.

A mask restricted to queries of one part and keys of another is an ordinary one: of the grid, or of
a line, where no coordinate exists. A comparison that reads a coordinate of a token off the grid is
false, as is `M on y`; `q in text` is a constant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from attnc.dsl import syntax as ast

GRID = ""
ALL_TOKENS = "all_tokens"
"""The number that `len` and `qlen` are: of the tokens of all parts."""


@dataclass(frozen=True, slots=True)
class Place:
    """The parts that queries and keys are in, and the inputs that this attention of the spec reads.

    A part is the name of a segment, or `GRID`.
    """

    q: str
    k: str
    inputs: Mapping[str, ast.Input] = field(default_factory=dict)

    @property
    def on_grid(self) -> bool:
        """Whether both are on the grid."""
        return self.q == self.k == GRID

    def part(self, side: str) -> str:
        """The part of the `q` or the `k` side."""
        return self.q if side == "q" else self.k


def coordinate_input(name: str) -> str:
    """The input that holds the coordinate `k.y` where queries are off the grid, or `q.y`.

    >>> coordinate_input("k.y")
    'k_on_y'
    """
    return name.replace(".", "_on_")
