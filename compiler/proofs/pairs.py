"""Proofs that compare sets of pairs: `causal`, `covers`, `heads_cover`, equality."""

from attnc.compiler import fold
from attnc.compiler.proofs.proof import ALIGNED, CROSS, SELF, Proof, decide
from attnc.compiler.relation import LENGTHS, Relation, relation as of_condition
from attnc.compiler.sets import IntegerSet, Space, context


def causal(relation: Relation, cross: bool = False) -> Proof:
    """No pair has `k > q`."""
    facts = CROSS if cross else SELF
    later = Space(relation.dims, relation.params).parse(" and ".join(("k > q", *facts)))
    return decide(
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

    return decide("covers", relation, possible, lambda: uncovered(relation.upper))


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
    return decide(
        "equal", tested, lambda: difference("upper", "lower"), lambda: difference("lower", "upper")
    )


def heads_cover(relation: Relation, cross: bool = False) -> Proof:
    """Each pair of the hull is in some head: the pairs with `k <= q` if `causal` is proved."""
    wanted = hull(relation, CROSS if cross else SELF, cross)

    def missed(pairs: IntegerSet) -> IntegerSet:
        return wanted - pairs.project(*relation.outer).coalesce()

    return decide(
        "heads_cover", relation, lambda: missed(relation.lower), lambda: missed(relation.upper)
    )


def hull(relation: Relation, facts: tuple[str, ...], cross: bool = False) -> IntegerSet:
    """All existing pairs that the pattern could hold: those with `k <= q` if it is causal."""
    rows = "q_start <= q < q_start + q_len and k_start <= k < k_start + k_len"
    order = ("k <= q",) if causal(relation, cross).verdict == "proved" else ()
    return Space(("q", "k"), relation.params).parse(" and ".join((rows, *facts, *order)))
