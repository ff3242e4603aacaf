"""Assertions about a spec with segments: from the attention of each pair of parts of its tokens.

What a part needs is proved where a formula decides it: a mask that holds for all pairs of two
parts, or the mask of the grid, whose assertion is proved for every extent.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from attnc.compiler.inline import closed_assertion
from attnc.compiler.proofs.grid_claims import grid_mask, prove_on_grid
from attnc.compiler.proofs.proof import Proof
from attnc.compiler.segments import Step, steps_of
from attnc.dsl import syntax as ast
from attnc.dsl.place import GRID

if TYPE_CHECKING:
    from attnc.dsl.program import Bound

EVERY_PAIR = ast.Bool(True)


def prove_on_segments(
    statement: ast.AssertStatement, bound: "Bound", heads: int | None, kv_heads: int | None
) -> Proof:
    """A proof of one assertion of a spec with segments."""
    steps = steps_of(bound, heads, kv_heads)
    match statement.kind:
        case "covers":
            found = [_covered(part, steps, statement, heads, kv_heads) for part in bound.parts]
        case "causal":
            found = [_ordered(s, bound, statement, heads, kv_heads) for s in steps]
        case other:
            reason = f"`assert {other}` is not decided for a spec with segments"
            return Proof(other, "unknown", 0.0, reason=reason)
    seconds = sum(proof.seconds for proof in found)
    for verdict in ("refuted", "unknown"):
        for proof in found:
            if proof.verdict == verdict:
                return replace(proof, seconds=seconds)
    return Proof(statement.kind, "proved", seconds)


def _covered(
    part: str,
    steps: list[Step],
    statement: ast.AssertStatement,
    heads: int | None,
    kv_heads: int | None,
) -> Proof:
    """Whether each token of a part has a key. There is a point, and the token itself."""
    own = [step for step in steps if step.queries == part]
    for step in own:
        if step.condition == EVERY_PAIR and {part, GRID} & set(step.keys):
            return Proof("covers", "proved", 0.0)
    for step in own:
        if step.bound.grid:
            return _on_grid(step, statement, heads, kv_heads)
    if not own:
        return Proof("covers", "refuted", 0.0, reason=f"no token of {_named(part)} has a key")
    return Proof("covers", "unknown", 0.0, reason=f"not decided for the tokens of {_named(part)}")


def _ordered(
    step: Step,
    bound: "Bound",
    statement: ast.AssertStatement,
    heads: int | None,
    kv_heads: int | None,
) -> Proof:
    """Whether the keys of a step are not after its queries."""
    place = bound.parts.index(step.queries)
    last = max(map(bound.parts.index, step.keys))
    if last < place:
        return Proof("causal", "proved", 0.0)
    if step.bound.grid:
        return _on_grid(step, statement, heads, kv_heads)
    what = f"queries of {_named(step.queries)} and keys of {_named(bound.parts[last])}"
    if step.condition == EVERY_PAIR:
        return Proof("causal", "refuted", 0.0, reason=f"all {what} are in the mask")
    return Proof("causal", "unknown", 0.0, reason=f"not decided for {what}")


def _on_grid(
    step: Step, statement: ast.AssertStatement, heads: int | None, kv_heads: int | None
) -> Proof:
    closed = closed_assertion(statement, step.bound, heads, kv_heads)
    return prove_on_grid(closed, grid_mask(step.bound, heads, kv_heads))


def _named(part: str) -> str:
    return f"`{part}`" if part else "the grid"
