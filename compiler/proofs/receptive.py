"""The receptive field: how many tokens the last one depends on, layer by layer."""

from collections.abc import Sequence

from attnc.compiler import lattice
from attnc.compiler.proofs.steps import at_length, pairs_of_layer, row
from attnc.compiler.relation import Relation
from attnc.compiler.sets import IntegerSet, guard
from attnc.dsl.errors import AnalysisTooComplex

OPERATIONS = 300_000  # of isl for one layer
DEPTH = 8


def receptive_field(patterns: Sequence[Relation], n: int) -> tuple[int, ...]:
    """How many of n tokens the last depends on after 1, 2, ... layers; `patterns` from the first.

    It ends early where isl gives up. Tensors and run-time numbers count as if they allowed all.
    """
    steps: dict[int, IntegerSet] = {}
    found: list[int] = []
    try:
        for depth in range(1, len(patterns) + 1):
            with guard(OPERATIONS):
                reached = row(n - 1)
                for pattern in reversed(patterns[:depth]):
                    if id(pattern) not in steps:
                        steps[id(pattern)] = at_length(pairs_of_layer(pattern, upper=True), n)
                    reached = reached.compose(steps[id(pattern)])
                found.append(lattice.count(reached.pieces()))
    except AnalysisTooComplex:
        pass
    return tuple(found)


def repeated_field(pattern: Relation, n: int) -> tuple[int, ...]:
    """The same for layers of one pattern, at most `DEPTH`, up to the first that adds nothing."""
    found: list[int] = []
    try:
        with guard(OPERATIONS):
            step, reached = at_length(pairs_of_layer(pattern, upper=True), n), row(n - 1)
            while len(found) < DEPTH and (len(found) < 2 or found[-1] > found[-2]):
                reached = reached.compose(step)
                found.append(lattice.count(reached.pieces()))
    except AnalysisTooComplex:
        pass
    return tuple(found[:-1] if len(found) > 1 and found[-1] == found[-2] else found)
