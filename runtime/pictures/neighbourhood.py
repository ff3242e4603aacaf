"""What one query of a grid sees, and the tiles that a kernel skips, tests or takes whole for it."""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnc.compiler.elaborate import Sizes
from attnc.compiler.grid_analysis import GridTiles, pattern_of
from attnc.compiler.grid_counts import Box, GridPattern
from attnc.compiler.proofs.search import matrix
from attnc.compiler.residues import rows_from
from attnc.compiler.segments import steps_of
from attnc.dsl.diagnostics import AttnError
from attnc.dsl.place import GRID
from attnc.dsl.program import Bound
from attnc.runtime.api import split_parameters
from attnc.runtime.calls.grids import check_grid
from attnc.runtime.cpu.cpus import host_machine
from attnc.runtime.cpu.lower import grid_tiles
from attnc.runtime.oracle import mask
from attnc.runtime.pictures.palette import EMPTY, FULL, PARTIAL
from attnc.runtime.segmented.attend import facts_of, rows_of
from attnc.runtime.trials import Trial, random_inputs, segment_inputs

MOST_TOKENS = 4096
MOST_AXES = 3
PANELS = 4  # heads, or planes of the first of three axes, shown side by side

Kinds = NDArray[np.int8]
Booleans = NDArray[np.bool_]


class PlotError(AttnError):
    """A picture that cannot be drawn."""


@dataclass(frozen=True, slots=True)
class Plane:
    """A part of the grid: its name, and by rows and columns the keys seen and the tiles' classes.

    `owned` are the queries of the query's own tile.
    """

    title: str
    keys: Booleans
    kinds: Kinds
    owned: Booleans


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What is drawn: a query of a grid, how many keys it sees, and the planes around it.

    `beside` are the keys that it sees of each segment, which are among the `keys`.
    """

    bound: Bound
    grid: Box
    query: Box
    keys: int
    beside: Mapping[str, int]
    tiles: GridTiles
    planes: tuple[Plane, ...]


def neighbourhood(
    spec: str | os.PathLike[str],
    grid: Box | None = None,
    query: Sequence[int] | None = None,
    heads: int | None = None,
    head: int | None = None,
    **parameters: Any,
) -> Neighbourhood:
    """The keys of a query, by default the one in the middle, and the classes of their tiles.

    Of heads that differ the first four are shown, or only `head`; of three axes the planes of the
    first that are nearest to the query, in one head. Inputs are random where not given. Raises
    `AttnError`.
    """
    bound, inputs = split_parameters(spec, parameters)
    grid = check_grid(bound, grid, None)
    point = _point(grid, query)
    rows = rows_of(bound, grid, segment_inputs(bound) | inputs)
    tokens = sum(map(len, rows.values()))
    trial = Trial("plot", tokens, tokens, heads=heads or 1, kv_heads=heads or 1, grid=grid)
    inputs = random_inputs(bound, trial, torch.Generator().manual_seed(1)) | inputs
    known = {**inputs, **facts_of(bound, grid, rows, inputs)}
    numbers = {
        name: int(x) for name, x in known.items() if not isinstance(x, Tensor) or not x.dim()
    }
    pairs = mask(spec, grid=grid, heads=heads, kv_heads=heads, **{**bound.values, **inputs})
    pairs = pairs[0] if pairs.dim() == 4 else pairs
    query_row = pairs[:, rows[GRID].start + int(np.ravel_multi_index(point, grid))].numpy()
    row = query_row[:, rows[GRID].start : rows[GRID].stop].reshape(-1, *grid)
    points = _between_points(bound, heads)
    tiles = grid_tiles(points, Sizes(heads or 0, heads or 0), host_machine())
    pattern = pattern_of(points, grid, heads, heads, numbers)
    classes = replace(pattern, condition=tiles.condition, steps=tiles.steps)
    shown = _heads(pattern.heads, head, len(grid))
    owned, planes = _owned(grid, point, tiles), []
    for one in shown:
        kinds = _kinds(classes, tiles, point, one)
        planes += _planes(bound, row[one or 0], kinds, owned, point, one)
    seen = query_row[shown[0] or 0]
    beside = {
        name: int(seen[rows[name].start : rows[name].stop].sum()) for name, _ in bound.segments
    }
    return Neighbourhood(bound, grid, point, int(seen.sum()), beside, tiles, tuple(planes))


def _between_points(bound: Bound, heads: int | None) -> Bound:
    """The attention of the grid's points to each other, which is all of a spec without segments."""
    if not bound.segments:
        return bound
    for step in steps_of(bound, heads, heads):
        if step.bound.grid:
            return step.bound
    raise PlotError("no point of the grid sees another: there is nothing to draw")


def _point(grid: Box, query: Sequence[int] | None) -> Box:
    """The query's point, in the middle where none is given."""
    if len(grid) > MOST_AXES or prod(grid) > MOST_TOKENS:
        raise PlotError(f"a picture has up to {MOST_AXES} axes and {MOST_TOKENS} tokens")
    point = tuple(n // 2 for n in grid) if query is None else tuple(query)
    inside = len(point) == len(grid) and all(0 <= p < n for p, n in zip(point, grid, strict=True))
    if not inside:
        raise PlotError(f"the query {point} is no point of the grid {grid}, counted from 0")
    return point


def _heads(known: int, head: int | None, axes: int) -> list[int | None]:
    """The heads to draw; None where they are all alike."""
    if not known:
        return [None]
    if head is not None and head >= known:
        raise PlotError(f"there is no head {head} among {known}")
    if head is not None or axes == MOST_AXES:
        return [head or 0]
    return list(range(min(known, PANELS)))


def _owned(grid: Box, point: Box, tiles: GridTiles) -> Booleans:
    """The queries in the tile of this one: bool [grid]."""
    along = []
    for n, p, rows, step in zip(grid, point, tiles.queries, tiles.steps, strict=True):
        places = np.arange(n)
        along.append((places % step == p % step) & (places // step // rows == p // step // rows))
    return reduce(np.logical_and, np.meshgrid(*along, indexing="ij"))


def _kinds(classes: GridPattern, tiles: GridTiles, point: Box, head: int | None) -> Kinds:
    """For each point, the class of its tile of keys for the query's tile: [grid].

    Points of other residue classes are in no tile that is visited.
    """
    residues = [p % step for p, step in zip(point, tiles.steps, strict=True)]
    facts = zip(residues, classes.extents, tiles.steps, strict=True)
    extents = tuple(rows_from(*fact) for fact in facts)
    one = classes.sized(extents, head)
    touched: list[list[set[int]]] = []  # along each axis, the cells that each tile of keys meets
    for n, p, step, rows, keys, cells in zip(
        extents, point, tiles.steps, tiles.queries, tiles.keys, one.cells, strict=True
    ):
        first = p // step // rows * rows
        strips = [matrix(cell.points, n)[first : first + rows] for cell in cells]
        starts = range(0, n, keys)
        touched.append(
            [{i for i, s in enumerate(strips) if s[:, c : c + keys].any()} for c in starts]
        )
    small = np.full(tuple(map(len, touched)), EMPTY, np.int8)
    for place in itertools.product(*(range(n) for n in small.shape)):
        met = np.ix_(*(sorted(own[i]) for own, i in zip(touched, place, strict=True)))
        if one.truth.possible[met].any():
            small[place] = FULL if one.truth.certain[met].all() else PARTIAL
    found = np.full(classes.extents, EMPTY, np.int8)
    for axis, (n, keys) in enumerate(zip(extents, tiles.keys, strict=True)):
        small = small.repeat(keys, axis).take(range(n), axis)
    found[tuple(slice(r, None, s) for r, s in zip(residues, tiles.steps, strict=True))] = small
    return found


def _planes(
    bound: Bound, keys: Booleans, kinds: Kinds, owned: Booleans, point: Box, head: int | None
) -> list[Plane]:
    """The whole grid, or of three axes the planes nearest to the query; a line is one row."""
    title = "" if head is None else f"head {head}"
    if keys.ndim < MOST_AXES:
        shape = (1, -1) if keys.ndim == 1 else keys.shape
        return [Plane(title, keys.reshape(shape), kinds.reshape(shape), owned.reshape(shape))]
    first = min(max(point[0] - PANELS // 2, 0), max(len(keys) - PANELS, 0))
    label = bound.grid[0][0]
    return [
        Plane(f"{label} = {i}", keys[i], kinds[i], owned[i])
        for i in range(first, min(first + PANELS, len(keys)))
    ]
