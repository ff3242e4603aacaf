"""Assertions of a stack: `reaches` composes its layers, any other claim is one about each layer."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from attnc.compiler.inline import closed_assertion
from attnc.compiler.proofs.claims import prove
from attnc.compiler.proofs.grid_claims import grid_mask, prove_on_grid
from attnc.compiler.proofs.grid_reaches import reaches as reaches_on_grid
from attnc.compiler.proofs.proof import Proof, stopwatch
from attnc.compiler.proofs.reaches import reaches
from attnc.compiler.proofs.segments import prove_on_segments
from attnc.compiler.relation import Relation, of_bound
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex
from attnc.dsl.printer import print_assertion

if TYPE_CHECKING:
    from attnc.dsl.stack import BoundStack


def proofs_of_stack(stack: "BoundStack", heads: int | None, kv_heads: int | None) -> list[Proof]:
    """A proof of each assertion of a stack. Raises as `proofs_of` does."""
    texts = [print_assertion(statement) for statement in stack.asserts]
    if stack.segments:
        return [_each_on_segments(s, stack, heads, kv_heads) for s in stack.asserts]
    if stack.grid:
        return [_each_on_grid(s, stack, heads, kv_heads) for s in stack.asserts]
    try:
        patterns = patterns_of(stack, heads, kv_heads)
        closed = [closed_assertion(s, stack, heads, kv_heads) for s in stack.asserts]
    except AnalysisTooComplex as error:
        return [Proof(text, "unknown", 0.0, reason=str(error)) for text in texts]
    found = (_prove(statement, stack, patterns) for statement in closed)
    return [replace(proof, assertion=text) for text, proof in zip(texts, found, strict=True)]


def patterns_of(
    stack: "BoundStack", heads: int | None, kv_heads: int | None
) -> tuple[Relation, ...]:
    """The relation of each layer, from the first; layers of one pattern share it."""
    known = {id(bound): of_bound(bound, heads, kv_heads) for bound in stack.distinct}
    return tuple(known[id(bound)] for bound in stack.layers)


def _prove(
    statement: ast.AssertStatement, stack: "BoundStack", patterns: Sequence[Relation]
) -> Proof:
    match statement:
        case ast.AssertStatement("reaches", (ast.Int(count), *at)):
            length = next((a.value for a in at if isinstance(a, ast.Int)), None)
            return _reaches(count, length, stack, patterns)
        case _:
            return _each(statement, stack, patterns)


def _reaches(
    count: int, length: int | None, stack: "BoundStack", patterns: Sequence[Relation]
) -> Proof:
    """The first `count` layers reach everything."""
    if any(bound.cross for bound in stack.layers):
        return Proof("reaches", "unknown", 0.0, reason="queries and keys are two sequences")
    if not 0 <= count <= len(patterns):
        reason = f"the stack has {len(patterns)} layers"
        return Proof("reaches", "unknown", 0.0, reason=reason)
    last_first = reversed(patterns[:count])
    runs = [list(run) for _, run in groupby(last_first, key=id)]
    return reaches([(run[0], len(run)) for run in runs], length)


def _each(
    statement: ast.AssertStatement, stack: "BoundStack", patterns: Sequence[Relation]
) -> Proof:
    """The claim for every layer."""
    layers = zip(stack.layers, patterns, strict=True)
    return _all(statement.kind, (prove(statement, p, bound.cross) for bound, p in layers))


def _each_on_grid(
    statement: ast.AssertStatement, stack: "BoundStack", heads: int | None, kv_heads: int | None
) -> Proof:
    """The same of layers on a grid, where proofs of one pattern are kept."""
    closed = closed_assertion(statement, stack, heads, kv_heads)
    masks = [grid_mask(bound, heads, kv_heads) for bound in stack.layers]
    match closed:
        case ast.AssertStatement("reaches", (ast.Int(count), *at)) if count <= len(masks):
            runs = [list(run) for _, run in groupby(reversed(masks[:count]))]
            sizes = tuple(n.value for n in at if isinstance(n, ast.Int))
            found = reaches_on_grid([(run[0], len(run)) for run in runs], sizes)
        case ast.AssertStatement("reaches"):
            found = Proof("reaches", "unknown", 0.0, reason=f"the stack has {len(masks)} layers")
        case _:
            found = _all(statement.kind, (prove_on_grid(closed, mask) for mask in masks))
    return replace(found, assertion=print_assertion(statement))


def _each_on_segments(
    statement: ast.AssertStatement, stack: "BoundStack", heads: int | None, kv_heads: int | None
) -> Proof:
    """The same of layers with tokens beside their grid."""
    known = {id(x): prove_on_segments(statement, x, heads, kv_heads) for x in stack.distinct}
    found = _all(statement.kind, (known[id(bound)] for bound in stack.layers))
    return replace(found, assertion=print_assertion(statement))


def _all(kind: str, proofs: Iterable[Proof]) -> Proof:
    """Of the layers in order: the first that fails, else the first that is unknown."""
    proof, open_ = stopwatch(kind), None
    for i, found in enumerate(proofs):
        reason = f"layer {i}" + (f": {found.reason}" if found.reason else "")
        if found.verdict == "refuted":
            return proof("refuted", found.counterexample, reason)
        if found.verdict == "unknown":
            open_ = open_ or reason
    return proof("unknown" if open_ else "proved", None, open_ or "in every layer")
