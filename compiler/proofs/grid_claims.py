"""`prove_on_grid`: a closed assertion about a pattern on a grid, whatever its kind."""

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING

from attnc.compiler import fold
from attnc.compiler.grid_counts import GridPattern
from attnc.compiler.inline import mask_condition
from attnc.compiler.proofs.density import compared
from attnc.compiler.proofs.grid_reaches import reaches
from attnc.compiler.proofs.points import GridMask, causal, covers, equal, heads_cover
from attnc.compiler.proofs.proof import Proof, stopwatch
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex, HeadsMissing

if TYPE_CHECKING:
    from attnc.dsl.program import Bound


def grid_mask(bound: "Bound", heads: int | None, kv_heads: int | None) -> GridMask:
    """The mask of a bound spec on a grid; raises `HeadsMissing` where heads matter."""
    floats = frozenset(n for n, given in bound.inputs.items() if given.dtype == "float")
    condition = mask_condition(bound, heads, kv_heads)
    if heads is None and "h" in fold.names(condition):
        raise HeadsMissing
    return GridMask(condition, bound.grid, heads, floats)


@lru_cache(maxsize=256)
def prove_on_grid(statement: ast.AssertStatement, mask: GridMask) -> Proof:
    """The proof of a closed assertion. It is kept, since compiling a spec asks it again."""
    match statement:
        case ast.AssertStatement("causal"):
            return causal(mask)
        case ast.AssertStatement("covers"):
            return covers(mask)
        case ast.AssertStatement("heads_cover"):
            return heads_cover(mask)
        case ast.AssertStatement("density", extents, str(op), ast.Int(x) | ast.Float(x)):
            sizes = tuple(n.value for n in extents if isinstance(n, ast.Int))
            return density(mask, sizes, op, x)
        case ast.AssertStatement("reaches", (ast.Int(count), *at)):
            return reaches([(mask, count)], tuple(n.value for n in at if isinstance(n, ast.Int)))
        case ast.AssertStatement("same_as", other=ast.Comprehension(condition)):
            return replace(equal(mask, condition), assertion="same_as")
        case ast.AssertStatement(kind):
            return Proof(kind, "unknown", 0.0, reason="its numbers are not known")


def density(mask: GridMask, extents: tuple[int, ...], comparison: str, limit: int | float) -> Proof:
    """The share of pairs at these extents, over all heads, compares so with the limit."""
    proof = stopwatch("density")
    if len(extents) != len(mask.axes) or min(extents) < 1:
        return proof("unknown", None, "the extents have to be positive")
    if any(n != e for n, e in zip(extents, mask.extents, strict=True) if isinstance(e, int)):
        return proof("unknown", None, "the spec has other extents")
    if _numbers(mask):
        return proof("unknown", None, "it depends on run-time numbers")
    heads = (mask.heads or 0) if "h" in fold.names(mask.condition) else 0
    steps = (1,) * len(extents)
    pattern = GridPattern(mask.condition, mask.labels, extents, steps, heads, floats=mask.floats)
    try:
        grids = pattern.grids()
        counts = [
            sum(n * getattr(one, bound) for n, one in grids) for bound in ("useful", "at_most")
        ]
    except AnalysisTooComplex as error:
        return proof("unknown", None, str(error))
    low, high = (Fraction(n, (heads or 1) * prod(extents) ** 2) for n in counts)
    return compared(proof, low, high, comparison, limit)


def _numbers(mask: GridMask) -> frozenset[str]:
    """What the condition names beside positions, sizes and the head."""
    known = {"q", "k", "h", "len", "qlen"}
    known |= {f"{name}.{label}" for name in ("q", "k", "len") for label in mask.labels}
    known |= {n.variable for n in fold.walk(mask.condition) if isinstance(n, ast.Exists)}
    return fold.names(mask.condition) - known - mask.floats
