"""Proofs about patterns on grids, for every extent of every axis: by cells, axis by axis.

What is claimed of a pair, or of a query, holds or fails for a whole choice of cells along the axes,
so there are few cases; one that fails is a counterexample if it has points. "Every size" is every
extent of an axis whose extent is no constant, from 1; queries and keys are the same points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from attnc.compiler import fold
from attnc.compiler.atoms import Booleans, Truth, formula
from attnc.compiler.grids import lexicographic
from attnc.compiler.partition import Cell, cells, images
from attnc.compiler.proofs.coupled import decided
from attnc.compiler.proofs.joint import Places
from attnc.compiler.proofs.proof import Counterexample, Proof, Verdict, stopwatch
from attnc.compiler.proofs.small import first_failure
from attnc.compiler.sets import guard
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex

OPERATIONS = 2_000_000  # of isl for one claim: half a second
MOST_FAILURES = 2000  # choices of cells that are looked at
QUERIES = "{ [q, k] -> [q] }"


@dataclass(frozen=True, slots=True)
class GridMask:
    """A mask on a grid: its condition, the axes with their extents (names or constants), heads."""

    condition: ast.Expr
    axes: tuple[tuple[str, str | int], ...]
    heads: int | None
    floats: frozenset[str]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the axes."""
        return tuple(label for label, _ in self.axes)

    @property
    def extents(self) -> tuple[str | int, ...]:
        """The extents of the axes."""
        return tuple(extent for _, extent in self.axes)

    def each_head(self, *others: ast.Expr) -> list[tuple[int | None, tuple[ast.Expr, ...]]]:
        """The condition, and others beside it, for every head (None: all heads are alike)."""
        every = (self.condition, *others)
        if not any("h" in fold.names(one) for one in every):
            return [(None, every)]
        return [
            (head, tuple(fold.substitute(one, {"h": ast.Int(head)}) for one in every))
            for head in range(self.heads or 0)
        ]


def causal(mask: GridMask) -> Proof:
    """No pair has its key after its query in row-major order."""
    later = lexicographic(">", "k", "q", mask.labels)
    asked = [(h, fold.conjunction(one, later)) for h, (one,) in mask.each_head()]
    return _no_pair("causal", mask, asked)


def equal(mask: GridMask, other: ast.Expr) -> Proof:
    """The other condition holds for the same pairs."""
    if mask.condition == other:
        return Proof("equal", "proved", 0.0)
    asked = []
    for h, (a, b) in mask.each_head(other):
        left, right = (fold.conjunction(x, fold.negation(y)) for x, y in ((a, b), (b, a)))
        asked.append((h, fold.disjunction(left, right)))
    return _no_pair("equal", mask, asked)


def heads_cover(mask: GridMask) -> Proof:
    """Each pair of the hull is in some head: those with `k <= q` if the mask is proved causal."""
    nothing: ast.Expr = ast.Bool(False)
    union = reduce(fold.disjunction, (one for _, (one,) in mask.each_head()), nothing)
    missed = fold.negation(union)
    if causal(mask).verdict == "proved":
        missed = fold.conjunction(lexicographic("<=", "k", "q", mask.labels), missed)
    return _no_pair("heads_cover", mask, [(None, missed)])


def covers(mask: GridMask) -> Proof:
    """Each query has a key, in each head."""
    return _decide("covers", mask, [(h, one) for h, (one,) in mask.each_head()], _uncovered)


@dataclass(frozen=True, slots=True)
class _Cases:
    """Kinds of places along each axis, and which choices of them may fail, or certainly do."""

    kinds: list[list[Cell]]
    failing: Truth


def _no_pair(assertion: str, mask: GridMask, asked: Sequence[tuple[int | None, ast.Expr]]) -> Proof:
    """No pair satisfies what is asked of any head."""
    return _decide(assertion, mask, asked, _satisfied)


def _decide(
    assertion: str,
    mask: GridMask,
    asked: Sequence[tuple[int | None, ast.Expr]],
    cases: Callable[[GridMask, ast.Expr], _Cases],
) -> Proof:
    """The verdict on conditions of heads, from the cases in which they fail."""
    proof, certain, possible = stopwatch(assertion), [], False
    try:
        with guard(OPERATIONS):
            for head, condition in asked:
                found = cases(mask, condition)
                certain += _failures(mask, found, found.failing.certain, head)
                open_ = found.failing.possible & ~found.failing.certain
                possible = possible or bool(_failures(mask, found, open_, head))
    except AnalysisTooComplex as error:
        return proof(*_tried(mask, asked, cases, str(error)))
    if certain:
        return proof("refuted", min(certain, key=_size))
    if not possible:
        return proof("proved")
    return proof(*_tried(mask, asked, cases, "a condition couples axes"))


def _tried(
    mask: GridMask,
    asked: Sequence[tuple[int | None, ast.Expr]],
    cases: Callable[[GridMask, ast.Expr], _Cases],
    why: str,
) -> tuple[Verdict, Counterexample | None, str]:
    """The verdict of sets of all coordinates and of small grids, where cells decide nothing."""
    whole = decided(asked, mask.axes, cases is _uncovered, mask.floats)
    if whole is not None and whole[0] == "proved":
        return whole
    small = first_failure(asked, mask.axes, cases is _uncovered, why)
    return whole if whole is not None and small[0] != "refuted" else small


def _satisfied(mask: GridMask, condition: ast.Expr) -> _Cases:
    """The cells of pairs, and whether what is asked holds there."""
    asked = formula(condition, mask.labels, mask.floats)
    kinds = _cells(mask, asked.atoms())
    return _Cases(kinds, asked.truth([[cell.members for cell in own] for own in kinds]))


def _uncovered(mask: GridMask, condition: ast.Expr) -> _Cases:
    """The kinds of queries, by the cells that they have pairs in, and whether none holds a key.

    No kind is left where each query surely sees itself, whatever couples axes elsewhere.
    """
    if _always_itself(mask, condition):
        nothing = np.zeros((0,) * len(mask.axes), bool)
        return _Cases([[] for _ in mask.axes], Truth(nothing, nothing))
    asked = formula(condition, mask.labels, mask.floats)
    pairs = _cells(mask, asked.atoms())
    truth = asked.truth([[cell.members for cell in own] for own in pairs])
    kinds = [images(own, QUERIES, "q") for own in pairs]
    shape = tuple(map(len, kinds))
    possible, certain = np.zeros(shape, bool), np.zeros(shape, bool)
    for place in np.ndindex(shape):
        met = np.ix_(*(own[i].members for own, i in zip(kinds, place, strict=True)))
        possible[place] = not truth.certain[met].any()
        certain[place] = not truth.possible[met].any()
    return _Cases(kinds, Truth(possible, certain))


def _always_itself(mask: GridMask, condition: ast.Expr) -> bool:
    """Whether each query surely sees its own key, for which `doc[q] == doc[k]` is known to hold."""
    same: dict[str, ast.Expr] = {f"k.{label}": ast.Name(f"q.{label}") for label in mask.labels}
    own = fold.on_diagonal(fold.substitute(condition, same), mask.floats)
    found = _satisfied(mask, own)
    return bool(found.failing.certain.all())


def _cells(mask: GridMask, atoms: Sequence[tuple[ast.Expr, ...]]) -> list[list[Cell]]:
    """The cells along each axis: for every extent, or for that of the spec."""
    known = (extent if isinstance(extent, int) else None for extent in mask.extents)
    return [cells(own, extent) for own, extent in zip(atoms, known, strict=True)]


def _failures(
    mask: GridMask, found: _Cases, chosen: Booleans, head: int | None
) -> list[Counterexample]:
    """The least place of each chosen case that has one."""
    choices = np.argwhere(chosen)
    if len(choices) > MOST_FAILURES:
        raise AnalysisTooComplex(f"it falls into more than {MOST_FAILURES} cases")
    places = Places([[kind.points for kind in own] for own in found.kinds], mask.extents)
    every = (places.least([int(i) for i in choice]) for choice in choices)
    return [one.of_head(head) for one in every if one is not None]


def _size(found: Counterexample) -> tuple[object, ...]:
    return found.n, found.grid, found.q, -1 if found.k is None else found.k, found.h or 0
