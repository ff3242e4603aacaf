"""From a bound spec to one closed formula: names, parameters and set operators inlined.

The result mentions only the built-ins `q k h b len qlen`, inputs and, where a wide `exists` is
kept, its variable. Constants are folded. A list indexed by `h` becomes `at([..], h)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from attnc.compiler.inliner import Environment, Inliner
from attnc.dsl import syntax as ast
from attnc.dsl.check_grid import extent
from attnc.dsl.errors import (
    AnalysisTooComplex,
    SegmentsApart,
    SeveralMasks,
)
from attnc.dsl.place import ALL_TOKENS

if TYPE_CHECKING:
    from attnc.dsl.program import Bound
    from attnc.dsl.stack import BoundStack


def mask_condition(bound: "Bound", heads: int | None, kv_heads: int | None) -> ast.Expr:
    """The pairs of the mask as one boolean formula; `Bool(True)` where there is no mask.

    Raises `HeadsMissing` if the formula needs a head count that is None, `AnalysisTooComplex` if it
    grows past `NODE_LIMIT` nodes.
    """
    if bound.merge is not None:
        raise SeveralMasks(bound.name)
    if bound.mask is None:
        return ast.Bool(True)
    return pairs_condition(bound.mask, bound, heads, kv_heads)


def pairs_condition(
    pairs: ast.SetExpr, bound: "Bound", heads: int | None, kv_heads: int | None
) -> ast.Expr:
    """The same for a part of the mask."""
    if bound.segments:
        raise SegmentsApart(bound.name)
    values = repr(sorted(bound.values.items()))
    asked = _Asked(pairs, bound, id(bound.program), repr(bound.place), values, heads, kv_heads)
    return _pairs_condition(asked)


@dataclass(frozen=True)
class _Asked:
    """What a condition depends on; a spec is told by its program, which lives as long as this."""

    pairs: ast.SetExpr
    bound: "Bound" = field(compare=False)
    program: int
    place: str
    values: str
    heads: int | None
    kv_heads: int | None


@lru_cache(maxsize=256)
def _pairs_condition(asked: _Asked) -> ast.Expr:
    """Passes, proofs and every target ask for the same conditions: a disc takes 50 ms."""
    inliner = _inliner(asked.bound, asked.heads, asked.kv_heads)
    return _guarded(lambda: inliner.pairs(asked.pairs, _constants(asked.bound.values)))


def closed_assertion(
    statement: ast.AssertStatement,
    bound: "Bound | BoundStack",
    heads: int | None,
    kv_heads: int | None,
) -> ast.AssertStatement:
    """An assertion with its numbers computed, and its set as one condition."""
    inliner, values = _inliner(bound, heads, kv_heads), _constants(bound.values)
    limit, other = statement.limit, statement.other
    return replace(
        statement,
        arguments=tuple(inliner.close(argument, values) for argument in statement.arguments),
        limit=None if limit is None else inliner.close(limit, values),
        other=None if other is None else ast.Comprehension(inliner.pairs(other, values)),
    )


def score_expression(bound: "Bound", heads: int | None, kv_heads: int | None) -> ast.Expr | None:
    """The score as a formula over `s`, built-ins and inputs; None where the spec has none."""
    return _closed(bound.score, bound, heads, kv_heads)


def sink_expression(bound: "Bound", heads: int | None, kv_heads: int | None) -> ast.Expr | None:
    """The logit of the normaliser's extra term, over heads and inputs; None where there is none."""
    return _closed(bound.sink, bound, heads, kv_heads)


def output_expression(bound: "Bound", heads: int | None, kv_heads: int | None) -> ast.Expr | None:
    """The `output` over `o`, built-ins and inputs; None where outputs are left as they are."""
    return _closed(bound.output, bound, heads, kv_heads)


def _closed(
    expr: ast.Expr | None, bound: "Bound", heads: int | None, kv_heads: int | None
) -> ast.Expr | None:
    if expr is None:
        return None
    inliner = _inliner(bound, heads, kv_heads)
    return _guarded(lambda: inliner.close(expr, _constants(bound.values)))


def _guarded(build: Callable[[], ast.Expr]) -> ast.Expr:
    try:
        return build()
    except RecursionError:
        raise AnalysisTooComplex("it is nested too deeply") from None


def _inliner(bound: "Bound | BoundStack", heads: int | None, kv_heads: int | None) -> "Inliner":
    counts = {"heads": heads, "kv_heads": kv_heads}
    sizes = {extent: f"len.{axis}" for axis, extent in bound.grid if isinstance(extent, str)}
    if bound.place is None:
        return Inliner(bound.program.masks, counts, sizes)
    named = ((s.name, extent(s, bound.values)) for s in bound.program.segments)
    sizes |= {length: name for name, length in named if isinstance(length, str)}
    sizes |= {"len": ALL_TOKENS, "qlen": ALL_TOKENS}
    return Inliner(bound.program.masks, counts, sizes, bound.place)


def constant(value: object) -> ast.Expr:
    """A Python value as a node: bool, int, float or a sequence of them."""
    match value:
        case bool():
            return ast.Bool(value)
        case int():
            return ast.Int(value)
        case float():
            return ast.Float(value)
        case list() | tuple():
            return ast.List(tuple(constant(item) for item in value))
        case _:
            raise TypeError(f"no constant of the language: {value!r}")


def _constants(values: Mapping[str, object]) -> Environment:
    return {name: constant(value) for name, value in values.items()}
