"""What tiles of several shapes would visit, and so could gain over a dense kernel."""

from collections.abc import Iterable
from dataclasses import dataclass

from attnc.compiler.counts import Census

Shapes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class TileChoice:
    """What boxes of `queries` by `keys` points would visit, in residue classes of `steps`.

    `speedup` is the number of all pairs over those visited: what the pattern can gain over a dense
    kernel of the same speed. `waste` is the visited pairs for each useful one.
    """

    queries: tuple[int, ...]
    keys: tuple[int, ...]
    steps: tuple[int, ...]
    visited: int
    speedup: float
    waste: float
    chosen: bool

    @classmethod
    def of(cls, shapes: Shapes, found: Census, *, chosen: bool) -> "TileChoice":
        """From the counts of tiles of these queries, keys and steps."""
        speedup = found.pairs / found.visited if found.visited else 1.0
        waste = found.visited / found.useful if found.useful else 1.0
        return cls(*shapes, found.visited, speedup, waste, chosen)


def ranked(choices: Iterable[TileChoice]) -> tuple[TileChoice, ...]:
    """The chosen one, then those that visit the least."""
    return tuple(sorted(dict.fromkeys(choices), key=lambda one: (not one.chosen, one.visited)))
