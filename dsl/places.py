"""Where tokens are: the points of a grid, and segments of tokens before and after it."""

from dataclasses import dataclass
from typing import Literal

from attnc.dsl.formula import Expr, Node


@dataclass(frozen=True, slots=True)
class GridAxis(Node):
    """One axis; an extent that is a name of its own is given by the call."""

    name: str
    extent: Expr


@dataclass(frozen=True, slots=True)
class Grid(Node):
    """`grid y: H, x: W`: tokens are the points of a grid, in row-major order."""

    axes: tuple[GridAxis, ...]


@dataclass(frozen=True, slots=True)
class Segment(Node):
    """`segment text: L before`: tokens that are no points of the grid; the call gives `text=77`."""

    name: str
    extent: Expr
    side: Literal["before", "after"]
