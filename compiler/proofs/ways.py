"""The ways to decide what layers reach. Each gives what is missed (nothing: proved), or None."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attnc.compiler.proofs import search
from attnc.compiler.proofs.steps import SPACE, at_length, diagonal, pairs_of_layer, square
from attnc.compiler.relation import Relation
from attnc.compiler.sets import IntegerSet, Space, guard
from attnc.dsl.errors import AnalysisTooComplex

OPERATIONS = 2_000_000  # of isl for one way
SHORT = 1024  # tokens: the whole graph is searched
LENGTHS_TRIED = (*range(1, 33), *(1 << i for i in range(6, 17)))
# where isl gives up, a counterexample is looked for there, and then at smaller lengths

Layers = Sequence[tuple[Relation, int]]
"""From the last layer down: a pattern, and how many layers in a row have it."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether these layers reach the hull, which is ordered if they are causal."""

    layers: Layers
    ordered: bool

    @property
    def hull(self) -> IntegerSet:
        """The pairs that could depend, of a square call at every length."""
        order = " and k <= q" if self.ordered else ""
        return square(f"0 <= q < k_len and 0 <= k < k_len{order}")

    def steps(self, upper: bool) -> list[tuple[IntegerSet, int]]:
        """The pairs of one layer of each pattern, and how many layers."""
        return [(pairs_of_layer(pattern, upper), count) for pattern, count in self.layers]

    @property
    def exact(self) -> bool:
        """Whether no tensor has a say."""
        return all(pattern.exact for pattern, _ in self.layers)

    @property
    def bounds(self) -> tuple[bool, ...]:
        """What to try: the pairs that are certain, for a proof, then (`upper`) the possible."""
        return (False,) if self.exact else (False, True)


Found = tuple[IntegerSet, str] | None  # the pairs that are missed, or none, and the way


def by_composition(question: Question, n: int) -> Found:
    """What is missed by the composed relation, at every length or (n > 0) at n tokens."""
    with guard(OPERATIONS):
        at = SPACE.parse(f"k_len = {n}") if n else SPACE.everything()
        hull = question.hull & at
        for upper in question.bounds:
            reached = diagonal() & at
            for step, count in question.steps(upper):
                reached = _power(step & at, count, reached, hull)
            missed = (hull - reached).coalesce()
            if question.exact or missed.is_empty() != upper:
                return missed, "by composing the relation of the layers"
    return None


def _power(step: IntegerSet, count: int, reached: IntegerSet, hull: IntegerSet) -> IntegerSet:
    """`reached` and then `count` steps; steps keep what is reached, so a full hull is final."""
    while count:
        if count % 2:
            reached = reached.compose(step)
            if hull.is_subset(reached):
                return reached
        count //= 2
        if count:
            step = step.compose(step)
            if hull.is_subset(step):
                return step
    return reached


def by_distances(question: Question, n: int) -> Found:
    """Decides where distances say enough: those of all pairs prove, those of some pair refute."""
    everything = (1 << n) - 1
    ways = ("q - k",) if question.ordered else ("q - k", "k - q")
    with guard(OPERATIONS):
        if all(_sums(question, n, way, _everywhere) == everything for way in ways):
            return SPACE.nothing(), "by the sums of the distances that every token looks back"
        if question.ordered:
            missed = everything & ~_sums(question, n, "q - k", _somewhere)
            if missed:
                least_distance = (missed & -missed).bit_length() - 1
                return _only((least_distance, 0), n), "by the sums of all distances that occur"
    return None


def _sums(question: Question, n: int, way: str, distances: Callable[..., int]) -> int:
    """The distances that the layers reach, as bits."""
    covered = 1
    for step, count in question.steps(upper=distances is _somewhere):
        covered = search.sums(covered, distances(at_length(step, n), n, way), count, n)
    return covered


def _somewhere(step: IntegerSet, n: int, way: str) -> int:
    """The distances that some pair of the step has."""
    return search.bits(step.apply(f"{{ [q, k] -> [d] : d = {way} and d >= 0 }}", "d"))


def _everywhere(step: IntegerSet, n: int, way: str) -> int:
    """The distances of which the step has all pairs."""
    square = Space(("q", "k"), ()).parse(f"0 <= q < {n} and 0 <= k < {n}")
    return ((1 << n) - 1) & ~_somewhere(square - step, n, way)


def by_graph(question: Question, n: int) -> Found:
    """The whole graph of dependences, of a short sequence."""
    if n > SHORT:
        return None
    for upper in question.bounds:
        steps = [(at_length(step, n), count) for step, count in question.steps(upper)]
        missed = search.first_missed(steps, n, question.ordered)
        if question.exact or (missed is None) != upper:
            return _only(missed, n), f"by searching the graph of {n:,} tokens"
    return None


def at_some_lengths(question: Question, n: int) -> Found:
    """A counterexample at one length; that there is none decides nothing."""
    good = 0
    for length in LENGTHS_TRIED:
        found = _refuted_at(question, length)
        if found is None:
            good = length
            continue
        bad = length
        while bad - good > 1:
            middle = (good + bad) // 2
            smaller = _refuted_at(question, middle)
            if smaller is None:
                good = middle
            else:
                bad, found = middle, smaller
        return found
    return None


def _refuted_at(question: Question, n: int) -> Found:
    """A counterexample at n tokens, if one is found."""
    for way in (by_distances, by_graph, by_composition):
        try:
            found = way(question, n)
        except AnalysisTooComplex:
            continue
        if found is not None:
            return None if found[0].is_empty() else found
    return None


def from_the_last(question: Question, n: int) -> Found:
    """What the last query misses, which refutes; that it misses nothing decides nothing."""
    with guard(OPERATIONS):
        at = SPACE.parse(f"k_len = {n}")
        row = SPACE.parse(f"q = {n - 1}")
        reached = diagonal() & at & row
        for step, count in question.steps(upper=True):
            for _ in range(count):
                reached = reached.compose(step & at)
        missed = (question.hull & at & row) - reached
        if missed.is_empty():
            return None
        return missed, "by following the dependences of the last query"


def _only(pair: tuple[int, int] | None, n: int) -> IntegerSet:
    if pair is None:
        return SPACE.nothing()
    return square(f"k_len = {n} and q = {pair[0]} and k = {pair[1]}")
