"""Proofs about a pattern for every length at once, or the smallest counterexample.

What "every length" means: self-attention whose queries are the last of the keys' positions, from
position 0 (`k_start = 0`, `q_start + q_len = k_len`, `1 <= q_len <= k_len`), so square calls,
chunked prefill and decoding; under `cross`, two sequences from position 0 with at least one token
each. Run-time integers take every value.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from attnc.compiler import fold, lattice
from attnc.compiler.relation import LENGTHS, OPERATIONS, Relation
from attnc.compiler.relation import relation as of_condition
from attnc.compiler.sets import IntegerSet, Space, context, guard
from attnc.dsl.errors import AnalysisTooComplex

SELF = ("k_start = 0", "q_start + q_len = k_len", "1 <= q_len", "q_len <= k_len")
CROSS = ("k_start = 0", "q_start = 0", "1 <= q_len", "1 <= k_len")
ALIGNED = ("0 <= k_start", "q_start + q_len = k_start + k_len", "1 <= q_len", "q_len <= k_len")

Verdict = Literal["proved", "refuted", "unknown"]


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The least failure: by `n` (the number of keys), then first query position, then head, q, k.

    `q` and `k` are positions; `k` is None where the failure is a query without a key.
    """

    n: int
    q_len: int
    q: int
    k: int | None = None
    h: int | None = None

    def __str__(self) -> str:
        lengths = {"N": self.n} if self.q_len == self.n else {"Nq": self.q_len, "Nk": self.n}
        places = {"h": self.h, "q": self.q, "k": self.k}
        shown = (lengths | places).items()
        return ", ".join(f"{name} = {value}" for name, value in shown if value is not None)


@dataclass(frozen=True, slots=True)
class Proof:
    """One assertion: its verdict, the least counterexample if refuted, the reason if unknown."""

    assertion: str
    verdict: Verdict
    seconds: float
    counterexample: Counterexample | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)


def causal(relation: Relation, cross: bool = False) -> Proof:
    """No pair has `k > q`."""
    facts = CROSS if cross else SELF
    later = Space(relation.dims, relation.params).parse(" and ".join(("k > q", *facts)))
    return _decide(
        "causal", relation, lambda: relation.upper & later, lambda: relation.lower & later
    )


def covers(relation: Relation, cross: bool = False) -> Proof:
    """Each query has a key (in each head)."""
    space = Space((*relation.outer, "q"), relation.params)
    heads = (f"0 <= h < {relation.heads}",) if relation.uses_head else ()
    facts = ("q_start <= q < q_start + q_len", *heads, *(CROSS if cross else SELF))
    queries = space.parse(" and ".join(facts))

    def uncovered(pairs: IntegerSet) -> IntegerSet:
        return queries - pairs.project("k").coalesce()

    def possible() -> IntegerSet:
        found = uncovered(relation.lower)
        if relation.exact or cross or found.is_empty():
            return found
        return found - _own_keys(relation).project("k")

    return _decide("covers", relation, possible, lambda: uncovered(relation.upper))


def _own_keys(relation: Relation) -> IntegerSet:
    """The pairs of a query with its own key, in which `doc[q] == doc[k]` is known to hold."""
    condition = fold.on_diagonal(relation.condition, relation.floats)
    pairs = of_condition(condition, relation.heads, relation.floats).lower
    if len(pairs.dims) < len(relation.dims):
        pairs = pairs.apply(f"{{ [q, k] -> [h, q, k] : 0 <= h < {relation.heads} }}", "h", "q", "k")
    return pairs & Space(relation.dims, relation.params).parse("k = q")


def equal(a: Relation, b: Relation, cross: bool = False) -> Proof:
    """Both hold the same pairs, at every length and (without `cross`) every `k_start >= 0`."""
    heads = a.heads if a.uses_head else b.heads
    if a.uses_head and b.uses_head and a.heads != b.heads:
        return Proof("equal", "unknown", 0.0, reason="the numbers of heads differ")
    lift = (a.uses_head or b.uses_head) and heads is not None
    facts = context(LENGTHS, CROSS if cross else ALIGNED)

    def pairs(relation: Relation, bias: str) -> IntegerSet:
        found = (relation.upper if bias == "upper" else relation.lower) & facts
        if lift and not relation.uses_head:
            return found.apply(f"{{ [q, k] -> [h, q, k] : 0 <= h < {heads} }}", "h", "q", "k")
        return found

    def difference(left: str, right: str) -> IntegerSet:
        return (pairs(a, left) - pairs(b, right)) | (pairs(b, left) - pairs(a, right))

    if a.condition == b.condition:
        return Proof("equal", "proved", 0.0)
    tested = b if a.exact else a
    return _decide(
        "equal", tested, lambda: difference("upper", "lower"), lambda: difference("lower", "upper")
    )


ASSERTIONS: dict[str, Callable[[Relation, bool], Proof]] = {"causal": causal, "covers": covers}


def prove(assertion: str, relation: Relation, cross: bool = False) -> Proof:
    """The proof of an assertion by name; one that is not known here is `unknown`."""
    if assertion not in ASSERTIONS:
        return Proof(assertion, "unknown", 0.0, reason="there is no proof procedure for it")
    return ASSERTIONS[assertion](relation, cross)


def _decide(
    assertion: str,
    relation: Relation,
    possible: Callable[[], IntegerSet],
    certain: Callable[[], IntegerSet],
) -> Proof:
    """The verdict from the failures that some, and those that all, tensors lead to."""
    start = time.perf_counter()

    def proof(verdict: Verdict, found: Counterexample | None = None, reason: str = "") -> Proof:
        return Proof(assertion, verdict, time.perf_counter() - start, found, reason)

    try:
        with guard(OPERATIONS):
            failures = possible()
            if failures.is_empty():
                return proof("proved")
            if not relation.exact:
                failures = certain()
                if failures.is_empty():
                    return proof("unknown", None, "it depends on the values of an input")
            return proof("refuted", _least(failures, relation))
    except AnalysisTooComplex as error:
        return proof("unknown", None, str(error))


def _least(failures: IntegerSet, relation: Relation) -> Counterexample:
    hidden = [name for name in failures.params if name not in LENGTHS]
    ordered = failures.project_params(*hidden).as_dims("k_len", "k_start", "q_start", "q_len")
    point = ordered.first_point()
    assert point is not None
    return Counterexample(
        point["k_len"], point["q_len"], point["q"], point.get("k"), point.get("h")
    )


# ---------------------------------------------------------------- the KV cache


def cache_bound(relation: Relation, cross: bool = False) -> int | None:
    """How many keys a decoder has to keep: at any position, those that it or a later one may see.

    None if that grows with the position, or if the pattern is not causal. The keys near the
    position and those near the start are counted apart, so the number is an upper bound, met by
    windows and sinks.
    """
    if cross or causal(relation).verdict != "proved":
        return None
    facts = ("k_start = 0", "q_len = 1", "q_start = q", "k_len = q + 1")
    now = Space(relation.dims, relation.params).parse(" and ".join(facts))
    try:
        with guard(OPERATIONS):
            seen = (relation.upper & now).project_params(*relation.params)
            heads = range(relation.heads or 0) if relation.uses_head else (None,)
            bounds = [_kept(seen if h is None else seen.fix(h=h)) for h in heads]
    except AnalysisTooComplex:
        return None
    known = [bound for bound in bounds if bound is not None]
    return max(known) if len(known) == len(bounds) else None


def _kept(seen: IntegerSet) -> int | None:
    """A bound on the keys that are needed at a position, from the pairs (q, k) of decoding."""
    needed = seen.apply("{ [q, k] -> [p, k] : 0 <= k <= p <= q }", "p", "k")
    offsets, starts = Space(("d",), ()).nothing(), Space(("k",), ()).nothing()
    for part in needed.parts():
        behind = part.apply("{ [p, k] -> [d] : d = p - k }", "d")
        if behind.greatest("d") is not None:
            offsets = offsets | behind
        elif part.greatest("k") is not None:
            starts = starts | part.project("p")
        else:
            return None
    return lattice.count(offsets.pieces()) + lattice.count(starts.pieces())
