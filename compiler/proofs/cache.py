"""`bounded_cache`: which keys a decoder has to keep, and how many.

A key is needed at a position if the query there, or a later one, may see it. The keys near the
position and those near the start are counted apart, so that the bound holds for every length; it
is met by windows and sinks.
"""

from dataclasses import dataclass

from attnc.compiler import lattice
from attnc.compiler.proofs.pairs import causal
from attnc.compiler.proofs.proof import Proof, stopwatch
from attnc.compiler.relation import OPERATIONS, Relation
from attnc.compiler.sets import IntegerSet, Space, guard
from attnc.dsl.errors import AnalysisTooComplex

LONGEST = 1 << 30  # positions: as many keys are no bound
PROBES = (1023, 16383)  # positions at which a growing cache is counted


@dataclass(frozen=True, slots=True)
class Retention:
    """What a decoder has to keep. `bound` is None where no constant bounds the number of keys.

    `rule` says it in words, `kept` as the isl map from a position `p` to the keys needed there (of
    the head that needs most). `grows` is true where it is certain that no constant exists.
    """

    bound: int | None
    rule: str
    kept: str | None = None
    grows: bool = False


def bounded_cache(relation: Relation, cross: bool = False) -> Proof:
    """The keys that a decoder has to keep are bounded by a constant."""
    proof = stopwatch("bounded_cache")
    if cross:
        return proof("unknown", None, "queries and keys are two sequences")
    ordered = causal(relation)
    if ordered.verdict != "proved":
        return proof(ordered.verdict, ordered.counterexample, "the pattern is not causal")
    found = retention(relation)
    if found.bound is not None:
        return proof("proved", None, found.rule)
    return proof("refuted" if found.grows else "unknown", None, found.rule)


def cache_bound(relation: Relation, cross: bool = False) -> int | None:
    """How many keys a decoder has to keep; None if that grows, or the pattern is not causal."""
    return retention(relation, cross).bound


def retention(relation: Relation, cross: bool = False) -> Retention:
    """The retention rule of a causal pattern."""
    if cross or causal(relation).verdict != "proved":
        return Retention(None, "keeps every key: the pattern is not causal")
    try:
        with guard(OPERATIONS):
            heads = range(relation.heads or 0) if relation.uses_head else (None,)
            found = [_of_head(relation, head) for head in heads]
    except AnalysisTooComplex as error:
        return Retention(None, f"not known: {error}")
    growing = [r for r in found if r.bound is None]
    return growing[0] if growing else max(found, key=lambda r: r.bound or 0)


def _of_head(relation: Relation, head: int | None) -> Retention:
    needed = _needed(relation, relation.upper, head)
    kept = _kept(needed)
    bound = sum(number for number, _ in kept) if kept is not None else LONGEST
    if kept is not None and bound < LONGEST:
        rule = " and ".join(words for number, words in kept if number)
        return Retention(bound, f"keeps {rule or 'nothing'}", needed.map_text(1))
    if relation.runtime or relation.uses_batch:  # what is needed for some numbers proves nothing
        return Retention(None, "not known: it depends on run-time numbers")
    sure = needed if relation.exact else _needed(relation, relation.lower, head)
    few, many = (lattice.count(sure.fix(p=p).pieces()) for p in PROBES)
    if many <= few:
        why = "no bound was found" if relation.exact else "it depends on the values of an input"
        return Retention(None, f"not known: {why}")
    rule = f"grows: {few:,} keys at position {PROBES[0]:,}, {many:,} at {PROBES[1]:,}"
    return Retention(None, rule, needed.map_text(1), grows=True)


def _needed(relation: Relation, pairs: IntegerSet, head: int | None) -> IntegerSet:
    """The pairs (position, key needed there) of decoding from position 0."""
    facts = ("k_start = 0", "q_len = 1", "q_start = q", "k_len = q + 1")
    now = Space(relation.dims, relation.params).parse(" and ".join(facts))
    seen = (pairs & now).project_params(*relation.params)
    seen = seen if head is None else seen.fix(h=head)
    return seen.apply("{ [q, k] -> [p, k] : 0 <= k <= p <= q }", "p", "k")


def _kept(needed: IntegerSet) -> list[tuple[int, str]] | None:
    """The kinds of keys kept, each a number and words; None where no bound is found."""
    recent, first, others = Space(("d",), ()).nothing(), Space(("k",), ()).nothing(), 0
    for part in needed.parts():
        behind = part.apply("{ [p, k] -> [d] : d = p - k }", "d")
        if behind.greatest("d") is not None:
            recent = recent | behind
        elif part.greatest("k") is not None:
            first = first | part.project("p")
        else:
            width = _width(part)
            if width is None:
                return None
            others += width
    last = lattice.count(recent.pieces()), recent, "d", "last"
    start = lattice.count(first.pieces()), first, "k", "first"
    kept = [(n, _words(n, keys, dim, word)) for n, keys, dim, word in (start, last)]
    return [*kept, (others, f"at most {others:,} between them")]


def _width(part: IntegerSet) -> int | None:
    """A bound on the keys of one position; None if there is none."""
    flipped = part.apply("{ [p, k] -> [k, p] }", "k", "p")
    apart = flipped.compose(part).apply("{ [a, b] -> [d] : d = b - a }", "d")
    greatest = apart.greatest("d")
    return None if greatest is None else greatest + 1


def _words(number: int, keys: IntegerSet, dim: str, word: str) -> str:
    span = 1 + ((keys.greatest(dim) or 0) if number else -1)
    least = keys.least(dim) if number else 0
    which = f"the {word} {span:,}" if span != 1 else f"the {word}"
    noun = "" if word == "last" else f" key{'s' if span != 1 else ''}"
    return which + noun if number == span and least == 0 else f"{number:,} of {which}{noun}"
