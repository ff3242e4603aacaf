"""Proofs about a pattern for every length at once, or the smallest counterexample.

One module for each kind of assertion; `prove` takes a closed one (its numbers are literals, its set
a condition over built-ins and inputs), `proofs_of` those of a spec.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from attnc.compiler.inline import closed_assertion
from attnc.compiler.proofs.cache import Retention, bounded_cache, cache_bound, retention
from attnc.compiler.proofs.claims import prove
from attnc.compiler.proofs.density import density
from attnc.compiler.proofs.grid_claims import grid_mask, prove_on_grid
from attnc.compiler.proofs.pairs import causal, covers, equal, heads_cover
from attnc.compiler.proofs.proof import Counterexample, Proof
from attnc.compiler.proofs.reaches import reaches
from attnc.compiler.proofs.receptive import receptive_field, repeated_field
from attnc.compiler.proofs.segments import prove_on_segments
from attnc.compiler.proofs.stack import patterns_of, proofs_of_stack
from attnc.compiler.relation import of_bound
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
    "grid_mask",
    "heads_cover",
    "patterns_of",
    "proofs_of",
    "proofs_of_stack",
    "prove",
    "prove_on_grid",
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
        if bound.segments:
            found = (prove_on_segments(s, bound, heads, kv_heads) for s in bound.asserts)
            return [replace(proof, assertion=t) for t, proof in zip(texts, found, strict=True)]
        if bound.grid:
            mask = grid_mask(bound, heads, kv_heads)
            claims = [closed_assertion(s, bound, heads, kv_heads) for s in bound.asserts]
            proofs = [prove_on_grid(statement, mask) for statement in claims]
            return [replace(proof, assertion=t) for t, proof in zip(texts, proofs, strict=True)]
        pattern = of_bound(bound, heads, kv_heads)
        closed = [closed_assertion(s, bound, heads, kv_heads) for s in bound.asserts]
    except AnalysisTooComplex as error:
        return [Proof(text, "unknown", 0.0, reason=str(error)) for text in texts]
    proofs = [prove(statement, pattern, bound.cross) for statement in closed]
    return [replace(proof, assertion=text) for text, proof in zip(texts, proofs, strict=True)]
