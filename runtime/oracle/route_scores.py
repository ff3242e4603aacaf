"""What a unit is worth to a chooser, in float64, every unit and every chooser at once."""

from dataclasses import replace

import torch
from torch import Tensor

from attnc.dsl.branch import scoring
from attnc.dsl.errors import ShapeMismatch
from attnc.runtime.oracle.memories import Memory
from attnc.runtime.oracle.route_layout import Layout


def scores_of(at: Layout) -> Tensor:
    """float64 [H, Nc, U]; the same for heads that choose as one."""
    return at.shared(_scores(at), "mean")


def _scores(at: Layout) -> Tensor:
    route, axes = at.route, at.axes(at.route.source)
    if route.branch is not None:
        return _branch(at)
    if route.summary == "probability":
        return _probability(at)[:, : at.count]
    if route.source is not None and "unit" in axes:
        known = at.tensor(route.source)
        if "chooser" in axes:
            return _first(at, known, at.count, at.units)
        vectors = _first(at, known, at.units)
    else:
        vectors = _pooled(at)
    if route.source is not None and "d" not in axes:  # a number of a unit, whoever asks
        return vectors.reshape(at.heads, 1, at.units).expand(-1, at.count, -1)
    own = route.by is None and route.source is None
    asked = _mean(at, at.q if route.by is None else at.tensor(route.by))
    asked = asked * (at.scale if own else 1.0)
    if route.summary != "minmax":
        return asked @ vectors.transpose(1, 2)
    low, high = vectors.chunk(2, -1)
    return asked.relu() @ high.transpose(1, 2) - (-asked).relu() @ low.transpose(1, 2)


def _first(at: Layout, x: Tensor, *lengths: int) -> Tensor:
    """The first rows of an input that has at least so many units (or choosers and units)."""
    if any(found < wanted for found, wanted in zip(x.shape[1:], lengths, strict=False)):
        expected = f"at least {' x '.join(map(str, lengths))} rows of units"
        raise ShapeMismatch(str(at.route.source), expected, tuple(x.shape))
    for axis, length in enumerate(lengths, start=1):
        x = x.narrow(axis, 0, length)
    return x


def _mean(at: Layout, x: Tensor) -> Tensor:
    """The mean over the queries of each chooser: [H, Nq, D] to [H, Nc, D]."""
    asked = at.chooser >= 0
    total = x.new_zeros(x.shape[0], at.count, x.shape[2])
    total.index_add_(1, at.chooser[asked], x[:, asked])
    sizes = torch.bincount(at.chooser[asked], minlength=at.count).clamp_min(1)
    return total / sizes[:, None]


def _pooled(at: Layout) -> Tensor:
    """One vector of each unit: [H, U, D], or [H, U, 2 D] of its least and its greatest."""
    of = at.k if at.route.source is None else at.tensor(at.route.source)
    of = of if of.dim() == 3 else of[..., None]
    members = at.members.expand(at.heads, -1, -1)
    found = of.new_zeros(at.heads, at.units, of.shape[2] * (1 + (at.route.summary == "minmax")))
    for h in range(at.heads):
        for unit, inside in enumerate(members[h]):
            if inside.any():
                found[h, unit] = _summary(at.route.summary, of[h][inside])
    return found


def _summary(kind: str, x: Tensor) -> Tensor:
    """What the vectors [keys, D] of one unit become; `first` and `last` are those keys."""
    match kind:
        case "max":
            return x.amax(0)
        case "minmax":
            return torch.cat([x.amin(0), x.amax(0)])
        case "first":
            return x[0]
        case "last":
            return x[-1]
        case "mean_sqrt":
            return torch.mul(x.mean(0), len(x) ** 0.5)
        case _:
            return x.mean(0)


def _probability(at: Layout) -> Tensor:
    """The probabilities that the last queries give to each unit, added up: [H, 1, U]."""
    last = at.chooser >= 0
    asked = at.q if at.route.by is None else at.tensor(at.route.by)
    products = asked[:, last] @ at.k.transpose(1, 2) * at.scale
    allowed = at.pairs("within", True)[:, last]
    weights = torch.softmax(products.masked_fill(~allowed, -torch.inf), -1).nan_to_num(0.0)
    if at.route.units == "diagonals":
        far = at.far()[last].flatten()
        found = weights.new_zeros(at.heads, 1, at.units)
        found[:, 0].index_add_(1, far[far >= 0], weights.flatten(1)[:, far >= 0])
        return found
    members = at.members.double().expand(at.heads, -1, -1)
    return (weights @ members.transpose(1, 2)).sum(1, keepdim=True)


def _branch(at: Layout) -> Tensor:
    """What the queries of a chooser give to the keys of each unit in a branch: [H, Nc, U].

    The probability of a key of the branch is spread evenly over its positions.
    """
    bound, places = at.world.bound, {n: x for n, x in at.world.places.items() if n != "k"}
    world = replace(at.world, places=places, real=torch.float64)
    memory = Memory(bound, scoring(bound, at.route), world)
    pairs = memory.pairs(at.heads)
    products = at.q @ memory.keys(at.k).transpose(1, 2) * at.scale
    scores = memory.scores(pairs, products).masked_fill(~pairs, -torch.inf)
    weights = torch.softmax(scores, -1).nan_to_num(0.0)
    members = at.members.double().expand(at.heads, -1, -1)
    masses = weights @ memory.shares() @ members.transpose(1, 2)
    asked = at.chooser >= 0
    found = masses.new_zeros(at.heads, at.count, at.units)
    return found.index_add_(1, at.chooser[asked], masses[:, asked])
