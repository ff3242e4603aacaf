"""`prove`: a closed assertion, whatever its kind."""

from dataclasses import dataclass, field, replace
from functools import lru_cache

from attnc.compiler.proofs.cache import bounded_cache
from attnc.compiler.proofs.density import density
from attnc.compiler.proofs.pairs import causal, covers, equal, heads_cover
from attnc.compiler.proofs.proof import Proof
from attnc.compiler.proofs.reaches import reaches
from attnc.compiler.relation import Relation, relation
from attnc.dsl import syntax as ast


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
