"""`density`: an exact count at one length, compared with a number."""

import operator
from collections.abc import Callable
from fractions import Fraction

from attnc.compiler import counts
from attnc.compiler.proofs.proof import Proof, stopwatch
from attnc.compiler.relation import Relation
from attnc.dsl.errors import AnalysisTooComplex

COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def density(relation: Relation, n: int, comparison: str, limit: int | float) -> Proof:
    """The share of pairs at n queries and n keys, over all heads, compares so with the limit.

    Both sides are exact: a limit is the decimal that is written.
    """
    proof = stopwatch("density")
    if n < 1:
        return proof("unknown", None, "the length has to be positive")
    if relation.runtime or relation.uses_batch:
        return proof("unknown", None, "it depends on run-time numbers")
    try:
        low, high = (_share(relation, n, upper) for upper in (relation.exact, True))
    except AnalysisTooComplex as error:
        return proof("unknown", None, str(error))
    return compared(proof, low, high, comparison, limit)


def compared(
    proof: Callable[..., Proof], low: Fraction, high: Fraction, comparison: str, limit: int | float
) -> Proof:
    """The verdict on a density that lies between two numbers."""
    holds, wanted = COMPARE[comparison], Fraction(repr(limit))
    if low == high:
        shown = f"the density is {_shown(low)}"
        return proof("proved" if holds(low, wanted) else "refuted", None, shown)
    shown = f"the density is from {_shown(low)} to {_shown(high)}, as the tensors have it"
    if comparison in ("==", "!="):
        outside = not low <= wanted <= high
        verdict = "unknown" if not outside else "proved" if comparison == "!=" else "refuted"
        return proof(verdict, None, shown)
    ends = {holds(low, wanted), holds(high, wanted)}
    return proof(
        "unknown" if len(ends) > 1 else "proved" if ends == {True} else "refuted", None, shown
    )


def _share(relation: Relation, n: int, upper: bool) -> Fraction:
    pairs = relation.upper if upper else relation.lower
    lengths = {"q_start": 0, "k_start": 0, "q_len": n, "k_len": n}
    heads = range(relation.heads or 0) if relation.uses_head else None
    if heads is None:
        return Fraction(counts.count(pairs, **lengths), n * n)
    found = sum(counts.count(pairs, h=head, **lengths) for head in heads)
    return Fraction(found, len(heads) * n * n)


def _shown(value: Fraction) -> str:
    return f"{float(value):.6g}"
