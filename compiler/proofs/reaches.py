"""`reaches`: after so many layers, every query depends on every key that it could.

A layer passes a token's own value on (the residual connection) and mixes heads, so the relation of
one layer is the union over heads, and the diagonal. What layers reach together is the composition
of their relations: exact for every length, where isl can build it. At one length there are two more
ways: sums of the distances that are allowed everywhere (enough for a proof), and the graph of
dependences (exact, for short sequences) or the part of it that starts at the last query.
"""

from collections.abc import Callable, Sequence

from attnc.compiler.proofs.pairs import causal
from attnc.compiler.proofs.proof import Proof, least, stopwatch
from attnc.compiler.proofs.ways import (
    Found,
    Layers,
    Question,
    at_some_lengths,
    by_composition,
    by_distances,
    by_graph,
    from_the_last,
)
from attnc.dsl.errors import AnalysisTooComplex

LONGEST = 1 << 20

_WAYS: Sequence[Callable[[Question, int], Found]] = (by_composition, at_some_lengths)
_WAYS_AT: Sequence[Callable[[Question, int], Found]] = (
    by_distances,
    by_graph,
    by_composition,
    from_the_last,
)


def reaches(layers: Layers, n: int | None = None) -> Proof:
    """After these layers every query of a square call depends on every key in the hull.

    The hull is `k <= q` if all patterns are proved causal, else all pairs. For every length, or at
    `n` tokens.
    """
    ordered = all(causal(pattern).verdict == "proved" for pattern, _ in layers)
    return answered(Question(layers, ordered), n)


def answered(question: Question, n: int | None) -> Proof:
    """The answer, for every length or at `n` tokens."""
    proof, why = stopwatch("reaches"), ""
    if n is not None and not 1 <= n <= LONGEST:
        return proof("unknown", None, f"the length has to be from 1 to {LONGEST:,}")
    if any(count < 0 for _, count in question.layers):
        return proof("unknown", None, "the number of layers is negative")
    if any(pattern.runtime or pattern.uses_batch for pattern, _ in question.layers):
        return proof("unknown", None, "it depends on run-time numbers")
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
