"""A spec with segments as one formula of the numbers of all tokens, at given extents and lengths.

Kernels see an attention for each pair of parts; others (FlexAttention, a dense mask) ask about all
tokens at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from attnc.compiler import fold
from attnc.compiler.grids import coordinate
from attnc.compiler.segments import Step, steps_of
from attnc.dsl import syntax as ast
from attnc.dsl.place import ALL_TOKENS, GRID, coordinate_input
from attnc.dsl.program import Bound


@dataclass(frozen=True, slots=True)
class Layout:
    """The extents of the grid, and the rows of each part of the tokens."""

    extents: tuple[int, ...]
    rows: Mapping[str, range]


def rows_of(bound: Bound, extents: tuple[int, ...], lengths: Mapping[str, int]) -> dict[str, range]:
    """The rows of each part of the tokens; `lengths` are those of the segments."""
    found: dict[str, range] = {}
    end = 0
    for part in bound.parts:
        start, end = end, end + (prod(extents) if part == GRID else lengths[part])
        found[part] = range(start, end)
    return found


def all_tokens(
    bound: Bound, layout: Layout, heads: int | None, kv_heads: int | None
) -> tuple[ast.Expr, ast.Expr | None]:
    """The mask and the score (None: the spec has none) of any two tokens, `q` and `k`."""
    known = _known(bound, layout)
    condition: ast.Expr = ast.Bool(False)
    score: ast.Expr = ast.Name("s")
    for step in reversed(steps_of(bound, heads, kv_heads)):
        here = _inside(step, layout)
        condition = fold.disjunction(
            fold.conjunction(here, _placed(step.condition, known)), condition
        )
        if step.score is not None:
            score = fold.call("where", (here, _placed(step.score, known), score))
    return condition, None if bound.score is None else score


def _known(bound: Bound, layout: Layout) -> dict[str, ast.Expr]:
    """What coordinates are, on the grid and as data, and every length."""
    found: dict[str, ast.Expr] = {}
    labels = [label for label, _ in bound.grid]
    for place, (label, extent) in enumerate(bound.grid):
        size = ast.Int(layout.extents[place])
        found |= {f"len.{label}": size, str(extent): size}
        for side in ("q", "k"):
            point = fold.binary("-", ast.Name(side), ast.Int(layout.rows[GRID].start))
            value = coordinate(point, place, layout.extents)
            found |= {f"{side}.{labels[place]}": value, coordinate_input(f"{side}.{label}"): value}
    tokens = max(rows.stop for rows in layout.rows.values())
    lengths = {name: len(layout.rows[name]) for name, _ in bound.segments} | {ALL_TOKENS: tokens}
    return found | {name: ast.Int(n) for name, n in lengths.items()}


def _inside(step: Step, layout: Layout) -> ast.Expr:
    """Query and key are in the parts of a step."""
    first, last = (layout.rows[step.keys[i]] for i in (0, -1))
    queries = layout.rows[step.queries]
    return fold.conjunction(
        _between("q", queries.start, queries.stop), _between("k", first.start, last.stop)
    )


def _between(name: str, start: int, stop: int) -> ast.Expr:
    if start == stop:
        return ast.Bool(False)
    return fold.compare(("<=", "<"), (ast.Int(start), ast.Name(name), ast.Int(stop)))


def _placed(expr: ast.Expr, known: Mapping[str, ast.Expr]) -> ast.Expr:
    """The formula of a place with positions of all tokens."""
    match expr:
        case ast.Name(name) | ast.Index(name) if name in known:
            return known[name]
        case _:
            return fold.rebuilt(expr, lambda part: _placed(part, known))
