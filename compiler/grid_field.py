"""The receptive field on a grid: how many points the last one depends on, layer by layer."""

from collections.abc import Iterator, Sequence
from functools import reduce
from math import prod

import numpy as np

from attnc.compiler.atoms import Booleans
from attnc.compiler.grid_counts import SizedPattern
from attnc.compiler.grids import along_axis
from attnc.compiler.proofs.receptive import DEPTH, repeated_field
from attnc.compiler.proofs.search import matrix
from attnc.compiler.relation import relation
from attnc.dsl.errors import AnalysisTooComplex

MOST_WORK = 400_000_000  # products of all layers: about half a second
LONGEST = 2048  # of an axis whose pairs are written down


def receptive_field(heads: Sequence[SizedPattern]) -> tuple[int, ...]:
    """After 1, 2, ... layers of a pattern, up to the first that adds nothing; () if not known.

    As for sequences: a token keeps its own value, heads mix, and what tensors decide counts as if
    they allowed all. The patterns of the heads have the same extents.
    """
    extents = heads[0].extents
    if len(extents) == 1 and len(heads) == 1:
        only = along_axis(heads[0].condition, heads[0].labels[0])
        try:
            return repeated_field(relation(only, None, heads[0].floats), extents[0])
        except AnalysisTooComplex:
            return ()
    found_products = [(one, members) for one in heads for members in _products(one.truth.possible)]
    work = len(found_products) * prod(extents) * sum(extents) * DEPTH
    if max(extents) > LONGEST or work > MOST_WORK:
        return ()
    steps = [_matrices(one, members) for one, members in found_products]
    reached = np.zeros(extents, bool)
    reached[(-1,) * len(extents)] = True
    found: list[int] = []
    while len(found) < DEPTH and (len(found) < 2 or found[-1] > found[-2]):
        before = reached
        for step in steps:
            reached = reached | _taken(before, step)
        found.append(int(reached.sum()))
    return tuple(found[:-1] if len(found) > 1 and found[-1] == found[-2] else found)


def _products(chosen: Booleans) -> Iterator[tuple[tuple[int, ...], ...]]:
    """The chosen places of an array as disjoint products of places along its axes."""
    alike: dict[bytes, list[int]] = {}
    for place, inner in enumerate(chosen):
        alike.setdefault(np.asarray(inner).tobytes(), []).append(place)
    for places in alike.values():
        inner = np.asarray(chosen[places[0]])
        if not inner.any():
            continue
        for rest in _products(inner) if inner.ndim else [()]:
            yield (tuple(places), *rest)


def _matrices(one: SizedPattern, members: Sequence[Sequence[int]]) -> list[Booleans]:
    """The pairs along each axis that are in one of these cells, as matrices [q, k]."""
    return [
        reduce(np.logical_or, (matrix(own[i].points, n) for i in places))
        for own, n, places in zip(one.cells, one.extents, members, strict=True)
    ]


def _taken(reached: Booleans, step: Sequence[Booleans]) -> Booleans:
    """The points that those reached see. Products of bools take no threads, of which a few wait."""
    for place, pairs in enumerate(step):
        reached = np.moveaxis(np.moveaxis(reached, place, -1) @ pairs, -1, place)
    return reached
