"""`reaches`: after so many layers, every query depends on every key that it could.

A layer passes a token's own value on (the residual connection) and mixes heads, so the relation of
one layer is the union over heads, and the diagonal. What layers reach together is the composition
of their relations: exact for every length, where isl can build it. At one length there are two more
ways: sums of the distances that are allowed everywhere (enough for a proof), and the graph of
dependences (exact, for short sequences) or the part of it that starts at the last query.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attnc.compiler.proofs import search
from attnc.compiler.proofs.pairs import causal
from attnc.compiler.proofs.proof import Proof, least, stopwatch
from attnc.compiler.proofs.steps import SPACE, at_length, diagonal, pairs_of_layer, square
from attnc.compiler.relation import Relation
from attnc.compiler.sets import IntegerSet, Space, guard
from attnc.dsl.errors import AnalysisTooComplex

OPERATIONS = 2_000_000  # of isl for one way
LONGEST = 1 << 20
SHORT = 1024  # tokens: the whole graph is searched
LENGTHS_TRIED = (*range(1, 33), *(1 << i for i in range(6, 17)))
# where isl gives up, a counterexample is looked for there, and then at smaller lengths

Layers = Sequence[tuple[Relation, int]]
"""From the last layer down: a pattern, and how many layers in a row have it."""


def reaches(layers: Layers, n: int | None = None) -> Proof:
    """After these layers every query of a square call depends on every key in the hull.

    The hull is `k <= q` if all patterns are proved causal, else all pairs. For every length, or at
    `n` tokens.
    """
    proof = stopwatch("reaches")
    if n is not None and not 1 <= n <= LONGEST:
        return proof("unknown", None, f"the length has to be from 1 to {LONGEST:,}")
    if any(count < 0 for _, count in layers):
        return proof("unknown", None, "the number of layers is negative")
    if any(pattern.runtime or pattern.uses_batch for pattern, _ in layers):
        return proof("unknown", None, "it depends on run-time numbers")
    ordered = all(causal(pattern).verdict == "proved" for pattern, _ in layers)
    question, why = _Question(layers, ordered), ""
    for way in _WAYS_AT if n is not None else _WAYS:
        try:
            found = way(question, n or 0)
        except AnalysisTooComplex as error:
            why = str(error)
            continue
        if found is not None:
            missed, how = found
            if missed.is_empty():
                return proof("proved", None, how)
            return proof("refuted", least(missed), how)
    tensors = "" if question.exact else "it depends on the values of an input"
    return proof("unknown", None, why or tensors or "it holds at small lengths, no proof was found")


@dataclass(frozen=True, slots=True)
class _Question:
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


_Found = tuple[IntegerSet, str] | None  # the pairs that are missed, or none, and the way


def _by_composition(question: _Question, n: int) -> _Found:
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


def _by_distances(question: _Question, n: int) -> _Found:
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


def _sums(question: _Question, n: int, way: str, distances: Callable[..., int]) -> int:
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


def _by_graph(question: _Question, n: int) -> _Found:
    """The whole graph of dependences, of a short sequence."""
    if n > SHORT:
        return None
    for upper in question.bounds:
        steps = [(at_length(step, n), count) for step, count in question.steps(upper)]
        missed = search.first_missed(steps, n, question.ordered)
        if question.exact or (missed is None) != upper:
            return _only(missed, n), f"by searching the graph of {n:,} tokens"
    return None


def _at_some_lengths(question: _Question, n: int) -> _Found:
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


def _refuted_at(question: _Question, n: int) -> _Found:
    """A counterexample at n tokens, if one is found."""
    for way in (_by_distances, _by_graph, _by_composition):
        try:
            found = way(question, n)
        except AnalysisTooComplex:
            continue
        if found is not None:
            return None if found[0].is_empty() else found
    return None


def _from_the_last(question: _Question, n: int) -> _Found:
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


_WAYS: Sequence[Callable[[_Question, int], _Found]] = (_by_composition, _at_some_lengths)
_WAYS_AT: Sequence[Callable[[_Question, int], _Found]] = (
    _by_distances,
    _by_graph,
    _by_composition,
    _from_the_last,
)
