"""The attentions of a spec with segments: which parts of the queries meet which of the keys."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from attnc.compiler import fold
from attnc.compiler.inline import mask_condition, score_expression
from attnc.dsl import syntax as ast
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.place import ALL_TOKENS, Place, coordinate_input
from attnc.dsl.program import Bound


@dataclass(frozen=True, slots=True)
class Step:
    """The attention `bound` of the queries of a part to the keys of neighbouring parts.

    `positions` is whether it reads where tokens are among all tokens.
    """

    queries: str
    keys: tuple[str, ...]
    bound: Bound
    condition: ast.Expr
    score: ast.Expr | None
    positions: bool


def steps_of(bound: Bound, heads: int | None, kv_heads: int | None) -> list[Step]:
    """The steps in the order of queries, then keys. Raises what inlining raises."""
    found: list[Step] = []
    for queries in bound.parts:
        before: Step | None = None  # of the keys just before
        for keys in bound.parts:
            step = _step(bound, Place(queries, keys), heads, kv_heads)
            if step is not None and before is not None and _same(before, step):
                step = replace(before, keys=(*before.keys, keys))
                found.pop()
            if step is not None:
                found.append(step)
            before = step
    return found


def _same(a: Step, b: Step) -> bool:
    """Whether two steps are one: outside of the grid, positions are those among all tokens."""
    places = (a.bound.place, b.bound.place)
    apart = not any(place is not None and place.on_grid for place in places)
    return apart and a.condition == b.condition and a.score == b.score


def _step(bound: Bound, place: Place, heads: int | None, kv_heads: int | None) -> Step | None:
    """The attention of a pair of parts; None where no pair of tokens is in the mask."""
    draft = replace(bound, place=place)
    condition = mask_condition(draft, heads, kv_heads)
    if condition == ast.Bool(False):
        return None
    score = score_expression(draft, heads, kv_heads)
    formulas = [condition, *([] if score is None else [score])]
    if score is not None and not place.on_grid and any("." in n for n in fold.names(score)):
        raise NotBuiltForTarget("a score that reads a coordinate of a token off the grid", "cpu")
    inputs = {i.name: i for formula in formulas for i in _inputs(bound, place, formula)}
    at = replace(bound, place=replace(place, inputs=inputs))
    positions = any({"q", "k"} & fold.names(formula) for formula in formulas)
    return Step(place.q, (place.k,), at, condition, score, positions)


def _inputs(bound: Bound, place: Place, formula: ast.Expr) -> Iterator[ast.Input]:
    """What the kernel of a place is given: inputs of the spec, lengths, coordinates as data."""
    axes = [axis for axis, _ in bound.grid]
    data = {coordinate_input(f"{side}.{axis}"): side for side in "qk" for axis in axes}
    numbers = {ALL_TOKENS, *(e for _, e in bound.grid if isinstance(e, str))}
    for node in fold.walk(formula):
        match node:
            case ast.Index(name) | ast.Name(name) if name in bound.inputs:
                yield bound.inputs[name]
            case ast.Index(name) if name in data:
                yield ast.Input(name, "int", (data[name],), False)
            case ast.Name(name) if name in numbers:
                yield ast.Input(name, "int", (), False)
            case _:
                pass
