"""Assertions about a spec with segments: from the attention of each pair of parts of its tokens.

What a part needs is proved where a formula decides it: a mask that holds for all pairs of two
parts or for each token itself, or the mask of the grid, whose assertion is proved for every extent.
The rest is tried with few tokens.
"""

import itertools
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

from attnc.compiler import fold
from attnc.compiler.all_tokens import Layout, all_tokens, rows_of
from attnc.compiler.inline import closed_assertion
from attnc.compiler.proofs.grid_claims import grid_mask, prove_on_grid
from attnc.compiler.proofs.proof import Counterexample, Proof, stopwatch
from attnc.compiler.proofs.small import failure_of, reads_input, small_sizes
from attnc.compiler.relation import OPERATIONS, relation
from attnc.compiler.segments import Step, steps_of
from attnc.compiler.sets import guard
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex
from attnc.dsl.place import GRID

if TYPE_CHECKING:
    from attnc.dsl.program import Bound

EVERY_PAIR = ast.Bool(True)
LATER = ast.Compare((">",), (ast.Name("k"), ast.Name("q")))
MOST_POINTS = 9  # of a grid that is tried
LENGTHS = (0, 1, 2)  # of a segment that is tried


def prove_on_segments(
    statement: ast.AssertStatement, bound: "Bound", heads: int | None, kv_heads: int | None
) -> Proof:
    """A proof of one assertion of a spec with segments."""
    proof = stopwatch(statement.kind)
    steps = steps_of(bound, heads, kv_heads)

    def on_grid(step: Step) -> bool:
        if not step.bound.grid:
            return False
        closed = closed_assertion(statement, step.bound, heads, kv_heads)
        mask = grid_mask(step.bound, heads, kv_heads)
        return prove_on_grid(closed, mask).verdict == "proved"

    match statement.kind:
        case "covers":
            own = {part: [s for s in steps if s.queries == part] for part in bound.parts}
            open_ = [
                f"the tokens of {_named(part)}"
                for part, found in own.items()
                if not any(_covered(s, bound, heads) or on_grid(s) for s in found)
            ]
        case "causal":
            open_ = [
                f"queries of {_named(s.queries)} and keys of {_named(s.keys[-1])}"
                for s in steps
                if not (_ordered(s, bound, heads) or on_grid(s))
            ]
        case other:
            return proof("unknown", None, f"`assert {other}` is not decided for segments")
    if not open_:
        return proof("proved")
    try:
        example = _tried(bound, heads, kv_heads, statement.kind == "covers")
    except AnalysisTooComplex as error:
        return proof("unknown", None, f"not decided for {open_[0]}: {error}")
    if example is None:
        tried = "no call of few tokens breaks it"
        return proof("unknown", None, f"not decided for {open_[0]}; {tried}")
    return proof("refuted", *example)


def _covered(step: Step, bound: "Bound", heads: int | None) -> bool:
    """Whether each query of a step surely has a key: there are points, and the token itself."""
    if step.condition == EVERY_PAIR:
        constant = {name for name, length in bound.segments if isinstance(length, int)}
        return bool({step.queries, GRID, *constant} & {*step.keys})
    alone = step.queries in step.keys and not step.bound.grid
    itself = fold.substitute(step.condition, {"k": ast.Name("q")})
    return alone and _never(fold.negation(itself), heads)


def _ordered(step: Step, bound: "Bound", heads: int | None) -> bool:
    """Whether no key of a step is after its query."""
    place = bound.parts.index(step.queries)
    if max(map(bound.parts.index, step.keys)) < place:
        return True
    return not step.bound.grid and _never(fold.conjunction(step.condition, LATER), heads)


def _never(condition: ast.Expr, heads: int | None) -> bool:
    """Whether a condition surely holds for no numbers of two tokens."""
    try:
        with guard(OPERATIONS):
            return relation(condition, heads).upper.is_empty()
    except AnalysisTooComplex:
        return False


def _tried(
    bound: "Bound", heads: int | None, kv_heads: int | None, covers: bool
) -> tuple[Counterexample, str] | None:
    """The first call of few tokens that breaks it, and the lengths of its segments."""
    for layout in _small_calls(bound):
        condition = all_tokens(bound, layout, heads, kv_heads)[0]
        if reads_input(condition, ()):
            raise AnalysisTooComplex("it depends on the values of an input")
        n = max(rows.stop for rows in layout.rows.values())
        each = range(heads or 0) if "h" in fold.names(condition) else (None,)
        for head in each:
            of_head = {} if head is None else {"h": ast.Int(head)}
            one = fold.substitute(condition, of_head)
            broken = one if covers else fold.conjunction(one, LATER)
            found = failure_of(broken, n, covers)
            if found is not None:
                lengths = {name: len(layout.rows[name]) for name, _ in bound.segments}
                shown = ", ".join(f"{name} = {length}" for name, length in lengths.items())
                shown = f"grid = {layout.extents}, {shown}"
                return Counterexample(n, n, found["q"], found.get("k"), head), shown
    return None


def _small_calls(bound: "Bound") -> Iterator[Layout]:
    """Few points and few other tokens, of lengths that names share."""
    names = sorted({length for _, length in bound.segments if isinstance(length, str)})
    for extents in small_sizes(bound.grid):
        if prod(extents) > MOST_POINTS:
            return
        sizes = {e: n for (_, e), n in zip(bound.grid, extents, strict=True)}
        for chosen in itertools.product(LENGTHS, repeat=len(names)):
            known = dict(zip(names, chosen, strict=True)) | sizes
            lengths = {n: x if isinstance(x, int) else known[x] for n, x in bound.segments}
            yield Layout(extents, rows_of(bound, extents, lengths))


def _named(part: str) -> str:
    return f"`{part}`" if part else "the grid"
