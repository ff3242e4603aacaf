"""Proofs about a pattern for every length at once, or the smallest counterexample.

One module for each kind of assertion; `prove` takes a closed one (its numbers are literals, its set
a condition over built-ins and inputs), `proofs_of` those of a spec.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from attnc.compiler.inline import closed_assertion
from attnc.compiler.proofs.cache import Retention, bounded_cache, cache_bound, retention
from attnc.compiler.proofs.density import density
from attnc.compiler.proofs.pairs import causal, covers, equal, heads_cover
from attnc.compiler.proofs.proof import Counterexample, Proof
from attnc.compiler.proofs.reaches import reaches
from attnc.compiler.proofs.receptive import receptive_field, repeated_field
from attnc.compiler.relation import Relation, of_bound, relation
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex
from attnc.dsl.printer import print_assertion

if TYPE_CHECKING:
    from attnc.dsl.program import Bound

__all__ = [
    "Counterexample",
    "Proof",
    "Retention",
    "bounded_cache",
    "cache_bound",
    "causal",
    "covers",
    "density",
    "equal",
    "heads_cover",
    "proofs_of",
    "prove",
    "reaches",
    "receptive_field",
    "repeated_field",
    "retention",
]


def proofs_of(bound: "Bound", heads: int | None, kv_heads: int | None) -> list[Proof]:
    """A proof of each assertion of a spec; `unknown` where the pattern cannot be analysed.

    Raises `HeadsMissing` where the mask depends on a head count that is None.
    """
    if not bound.asserts:
        return []
    texts = [print_assertion(statement) for statement in bound.asserts]
    try:
        pattern = of_bound(bound, heads, kv_heads)
        closed = [closed_assertion(s, bound, heads, kv_heads) for s in bound.asserts]
    except AnalysisTooComplex as error:
        return [Proof(text, "unknown", 0.0, reason=str(error)) for text in texts]
    found = (prove(statement, pattern, bound.cross) for statement in closed)
    return [replace(proof, assertion=text) for text, proof in zip(texts, found, strict=True)]


def prove(statement: ast.AssertStatement, pattern: Relation, cross: bool = False) -> Proof:
    """The proof of a closed assertion. It is kept, since compiling a spec asks it again."""
    asked = _Asked(statement, pattern.condition, pattern.heads, pattern.floats, cross, pattern)
    return _prove(asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a proof depends on."""

    statement: ast.AssertStatement
    condition: ast.Expr
    heads: int | None
    floats: frozenset[str]
    cross: bool
    pattern: Relation = field(compare=False)


@lru_cache(maxsize=256)
def _prove(asked: _Asked) -> Proof:
    pattern, cross = asked.pattern, asked.cross
    match asked.statement:
        case ast.AssertStatement("causal"):
            return causal(pattern, cross)
        case ast.AssertStatement("covers"):
            return covers(pattern, cross)
        case ast.AssertStatement("heads_cover"):
            return heads_cover(pattern, cross)
        case ast.AssertStatement("bounded_cache"):
            return bounded_cache(pattern, cross)
        case ast.AssertStatement("density", (ast.Int(n),), str(op), ast.Int(x) | ast.Float(x)):
            return density(pattern, n, op, x)
        case ast.AssertStatement("reaches", (ast.Int(count), *at)) if not cross:
            length = next((a.value for a in at if isinstance(a, ast.Int)), None)
            return reaches([(pattern, count)], length)
        case ast.AssertStatement("same_as", other=ast.Comprehension(condition)):
            other = relation(condition, pattern.heads, pattern.floats)
            return replace(equal(pattern, other, cross), assertion="same_as")
        case ast.AssertStatement(kind):
            reason = "queries and keys are two sequences" if cross else "its numbers are not known"
            return Proof(kind, "unknown", 0.0, reason=reason)
