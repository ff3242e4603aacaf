"""The relation of one layer in a stack: of square calls, over all heads, with the diagonal."""

from attnc.compiler.relation import LENGTHS, Relation
from attnc.compiler.sets import IntegerSet, Space, context

SPACE = Space(("q", "k"), LENGTHS)
_SQUARE = ("k_start = 0", "q_start = 0", "q_len = k_len", "1 <= k_len")


def pairs_of_layer(pattern: Relation, upper: bool) -> IntegerSet:
    """What a token depends on after one layer: itself, and what a head lets it see."""
    pairs = (pattern.upper if upper else pattern.lower).project_params(
        *(name for name in pattern.params if name not in LENGTHS)
    )
    return (square_pairs(pairs).project(*pattern.outer) | diagonal()).coalesce()


def square_pairs(pairs: IntegerSet) -> IntegerSet:
    """Those of square calls."""
    return pairs & context(LENGTHS, _SQUARE)


def diagonal() -> IntegerSet:
    """Each token with itself."""
    return square("0 <= q < k_len and k = q")


def square(condition: str) -> IntegerSet:
    """The pairs of a square call that satisfy a condition in isl's notation."""
    return SPACE.parse(" and ".join((*_SQUARE, condition)))


def at_length(pairs: IntegerSet, n: int) -> IntegerSet:
    """The pairs of a call of n tokens."""
    return pairs.fix(q_start=0, k_start=0, q_len=n, k_len=n)


def row(q: int) -> IntegerSet:
    """One token with itself, without lengths."""
    return Space(("q", "k"), ()).parse(f"q = {q} and k = {q}")
