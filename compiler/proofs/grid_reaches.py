"""`reaches` on a grid: by axes, where layers are products over the axes, or by the graph of tokens.

If a product holds the diagonal of every axis, so do its powers, and what layers of it reach is the
product of what they reach along each axis. A union of products reaches at least what any choice of
one of them for each layer does: rows first, then columns.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from attnc.compiler.grids import on_tokens, products
from attnc.compiler.proofs.coupled import reached
from attnc.compiler.proofs.points import GridMask, causal, heads_cover
from attnc.compiler.proofs.proof import Counterexample, Proof, least, stopwatch
from attnc.compiler.proofs.reaches import answered
from attnc.compiler.proofs.small import consistent, small_sizes
from attnc.compiler.proofs.steps import diagonal, square_pairs
from attnc.compiler.proofs.ways import SHORT, Question, by_graph
from attnc.compiler.relation import Relation, relation
from attnc.compiler.sets import guard
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex

MOST_CHOICES = 32  # of products for the layers
OPERATIONS = 2_000_000  # of isl to compare a factor with the diagonal
BY_AXES = "axis by axis"

GridLayers = Sequence[tuple[GridMask, int]]
"""From the last layer down: a mask, and how many layers in a row have it; all on one grid."""
Factors = tuple[Relation, ...]  # of a product, along each axis


@dataclass(frozen=True, slots=True, eq=False)
class _Layers:
    """The products of a layer that hold the diagonal, how many such layers, whether it is one."""

    products: Sequence[Factors]
    count: int
    alone: bool


def reaches(layers: GridLayers, sizes: tuple[int, ...] = ()) -> Proof:
    """After these layers every token depends on every token of the hull.

    For every extent, or at some `sizes`. The hull is `k <= q` if all masks are proved causal.
    """
    proof, axes = stopwatch("reaches"), layers[0][0].axes if layers else ()
    constants = tuple(extent for _, extent in axes if isinstance(extent, int))
    sizes = sizes or (constants if len(constants) == len(axes) else ())
    if sizes and not (min(sizes) > 0 and consistent(axes, sizes)):
        return proof("unknown", None, "the spec has other extents")
    ordered = all(causal(mask).verdict == "proved" for mask, _ in layers)
    if any(n and _is_hull(mask, ordered) for mask, n in layers):
        return proof("proved", None, "a layer has every pair")
    try:
        found = _by_axes(layers, sizes, ordered)
        if found is None:
            found = _jointly(layers, sizes, ordered)
    except AnalysisTooComplex as error:
        return proof("unknown", None, str(error))
    return proof(found.verdict, found.counterexample, found.reason)


def _is_hull(mask: GridMask, ordered: bool) -> bool:
    """Whether the heads of one layer hold all pairs; what is reached by others then stays."""
    own = causal(mask).verdict == "proved"
    return own == ordered and heads_cover(mask).verdict == "proved"


def _by_axes(layers: GridLayers, sizes: tuple[int, ...], ordered: bool) -> Proof | None:
    """The verdict of the axes, where it is one of the grid."""
    axes = layers[0][0].axes if layers else ()
    if ordered and len(axes) != 1:
        return None
    split = [_split(mask, count) for mask, count in layers]
    known: dict[tuple[object, ...], Proof] = {}
    for chosen in itertools.islice(_choices(split), MOST_CHOICES):
        found = []
        for place, (_, extent) in enumerate(axes):
            along = [(factors[place], count) for factors, count in chosen]
            n = sizes[place] if sizes else extent if isinstance(extent, int) else None
            key = (place, *((id(pairs), count) for pairs, count in along))
            if key not in known:
                known[key] = answered(Question(along, ordered), n)
            found.append(known[key])
        if all(one.verdict == "proved" for one in found):
            return replace(found[0], reason=f"{BY_AXES}: {found[0].reason}")
        if all(one.alone for one in split):
            return _first_refuted(found, axes, sizes)
    return None


def _split(mask: GridMask, count: int) -> _Layers:
    """The usable products of all heads of a mask."""
    found: dict[tuple[ast.Expr, ...], Factors | None] = {}
    for _, (condition,) in mask.each_head():
        for one in products(condition, mask.labels):
            plain = one.rest == one.heads == ast.Bool(True)
            if plain and one.factors not in found:
                found[one.factors] = _usable([relation(f, None, mask.floats) for f in one.factors])
            elif not plain:
                found[*one.factors, one.heads, one.rest] = None
    usable = [one for one in found.values() if one is not None]
    return _Layers(usable, count, len(found) == len(usable) == 1)


def _usable(factors: list[Relation]) -> Factors | None:
    """The factors, if no tensor or number has a say and each holds the diagonal."""
    if any(one.runtime or one.uses_batch or not one.exact for one in factors):
        return None
    with guard(OPERATIONS):
        whole = all(diagonal().is_subset(square_pairs(one.lower)) for one in factors)
    return tuple(factors) if whole else None


def _choices(split: Sequence[_Layers]) -> Iterator[list[tuple[Factors, int]]]:
    """A product for each layer; layers of one mask that share a product are neighbours."""
    ways = [itertools.combinations_with_replacement(one.products, one.count) for one in split]
    for chosen in itertools.product(*ways):
        yield [
            (factors, len(list(run)))
            for layers in chosen
            for factors, run in itertools.groupby(layers, key=lambda one: one)
        ]


def _first_refuted(
    found: Sequence[Proof], axes: Sequence[tuple[str, str | int]], sizes: tuple[int, ...]
) -> Proof | None:
    """The counterexample of an axis as one of the grid; None where no axis is refuted."""
    for place, one in enumerate(found):
        example = one.counterexample
        if one.verdict != "refuted" or example is None or example.k is None:
            continue
        names = [extent for _, extent in axes]
        grid = sizes or tuple(
            example.n
            if i == place or name == names[place]
            else name
            if isinstance(name, int)
            else 1
            for i, name in enumerate(names)
        )
        inner = prod(grid[place + 1 :])
        q, k, n = example.q * inner, example.k * inner, prod(grid)
        where = f"along `{axes[place][0]}` {one.reason}"
        return replace(one, counterexample=Counterexample(n, n, q, k, grid=grid), reason=where)
    return None


def _jointly(layers: GridLayers, sizes: tuple[int, ...], ordered: bool) -> Proof:
    """The verdict where axes are coupled: of sets, or of graphs, which have smaller examples."""
    whole = _by_sets(layers, sizes, ordered)
    if whole is not None and whole.verdict == "proved":
        return whole
    small = _by_graph(layers, sizes, ordered)
    return whole if whole is not None and small.verdict == "unknown" else small


def _by_sets(layers: GridLayers, sizes: tuple[int, ...], ordered: bool) -> Proof | None:
    """The verdict of sets of the coordinates of all axes, for every extent or too many tokens."""
    if 0 < prod(sizes) * bool(sizes) <= SHORT or min((n for _, n in layers), default=-1) < 0:
        return None
    axes = layers[0][0].axes
    if sizes:
        axes = tuple((label, n) for (label, _), n in zip(axes, sizes, strict=True))
    asked = [([one for _, (one,) in mask.each_head()], count) for mask, count in layers]
    floats = frozenset(name for mask, _ in layers for name in mask.floats)
    found = reached(asked, axes, floats, ordered)
    return None if found is None else Proof("reaches", found[0], 0.0, *found[1:])


def _by_graph(layers: GridLayers, sizes: tuple[int, ...], ordered: bool) -> Proof:
    """All tokens of the grid of these sizes, or of small grids, which refute only."""
    found = Proof("reaches", "unknown", 0.0, reason=f"a grid of over {SHORT} tokens and no product")
    for grid in [sizes] if sizes else small_sizes(layers[0][0].axes):
        if prod(grid) > SHORT:
            return found
        found = _searched(layers, grid, ordered)
        if found.verdict != "proved" or sizes:
            return found
    reason = "it holds on small grids, and is no product over the axes that could prove it"
    return replace(found, verdict="unknown", reason=reason)


def _searched(layers: GridLayers, grid: tuple[int, ...], ordered: bool) -> Proof:
    """The verdict of one grid."""
    steps = []
    for mask, count in layers:
        condition = on_tokens(mask.condition, mask.labels, grid)
        steps.append((relation(condition, mask.heads, mask.floats), count))
    if any(pairs.runtime or pairs.uses_batch for pairs, _ in steps):
        return Proof("reaches", "unknown", 0.0, reason="it depends on run-time numbers")
    decided = by_graph(Question(steps, ordered), prod(grid))
    if decided is None:
        return Proof("reaches", "unknown", 0.0, reason="it depends on the values of an input")
    missed, how = decided
    if missed.is_empty():
        return Proof("reaches", "proved", 0.0, reason=how)
    example = replace(least(missed), grid=grid)
    return Proof("reaches", "refuted", 0.0, example, how)
