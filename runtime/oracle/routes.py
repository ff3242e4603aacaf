"""What routes choose, as their definition says it: every unit scored in float64, and sorted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attnc.dsl.errors import HeadCountMismatch
from attnc.runtime.oracle.route_layout import Layout
from attnc.runtime.oracle.route_scores import scores_of
from attnc.runtime.oracle.world import World


@dataclass(frozen=True, slots=True)
class Chosen:
    """The result of a route for one sequence.

    `units` bool [Hc, Nc, U]: what each chooser chose; `lists` the same as ascending int32
    [Hc, Nc, n], padded with -1; `pairs` bool [H, Nq, Nk]: the route as a set of pairs. `scores`
    float64 [Hc, Nc, U] are -inf where a unit was no candidate.
    """

    units: Tensor
    lists: Tensor
    pairs: Tensor
    scores: Tensor


def choose_all(
    world: World, q: Tensor, k: Tensor, scale: float, given: Mapping[str, Tensor]
) -> dict[str, Chosen]:
    """What every route of a spec chooses in one sequence, lists that are given taken as they are.

    q [H, Nq, D], k [H, Nk, D] in float64; a list is [Hc, Nc, n].
    """
    found: dict[str, Chosen] = {}
    for route in world.bound.routes:
        here = replace(world, routes={name: one.pairs for name, one in found.items()})
        found[route.name] = _chosen(Layout(route, here, q, k, scale), given.get(route.name))
    return found


def _chosen(at: Layout, given: Tensor | None) -> Chosen:
    scores = scores_of(at).masked_fill(~_candidates(at), -torch.inf)
    if given is None:
        units = _best(at, scores)
    else:
        units = from_lists(given, at.units).repeat_interleave(at.heads // given.shape[0], 0)
    own = units[:: at.together]
    return Chosen(own, to_lists(own), _pairs(at, units), scores[:: at.together])


def _candidates(at: Layout) -> Tensor:
    """Bool [H, Nc, U]: every pair (with `any` some pair) within, and not every pair kept."""
    allowed, kept = at.pairs("within", True), at.pairs("keep", False)
    every = _count(at, torch.ones_like(allowed))
    inside = _count(at, allowed) > 0 if at.route.any else _count(at, ~allowed) == 0
    return inside & (every > 0) & (_count(at, ~kept) > 0)


def _count(at: Layout, pairs: Tensor) -> Tensor:
    """How many of some pairs each chooser has in each unit: [H, Nc, U]."""
    asked = at.chooser >= 0
    if at.route.units == "diagonals":
        far = at.far()
        use = (far >= 0) & asked[:, None]
        found = torch.zeros(at.heads, 1, at.units)
        found[:, 0].index_add_(1, far[use], pairs[:, use].float())
        return at.shared(found, "sum")
    found = torch.zeros(at.heads, at.count, pairs.shape[2])
    found.index_add_(1, at.chooser[asked], pairs[:, asked].float())
    return at.shared(found @ at.members.float().transpose(1, 2), "sum")


def _best(at: Layout, scores: Tensor) -> Tensor:
    """Bool [H, Nc, U]: candidates by score, the lowest unit first where scores are equal."""
    route = at.route
    if len(route.amounts) not in (1, at.heads):
        raise HeadCountMismatch(route.name, len(route.amounts), at.heads)
    amounts = torch.tensor(route.amounts, dtype=torch.float64).expand(at.heads)[:, None, None]
    none = scores == -torch.inf
    worth = (-scores).masked_fill(none, -torch.inf) if route.rule == "bottom" else scores
    ranked, places = worth.sort(dim=-1, descending=True, stable=True)
    share = _shares(ranked, route.shares)
    match route.rule:
        case "top" | "bottom":
            take = torch.arange(scores.shape[2]) < amounts
        case "top_p":
            take = share.cumsum(-1) - share < amounts
        case _:
            take = share > amounts
    take = take & (ranked > -torch.inf)
    return torch.zeros_like(take).scatter(2, places, take)


def _shares(ranked: Tensor, already: bool) -> Tensor:
    """The probabilities of ranked candidates: their softmax, or their parts of a sum."""
    if already:
        masses = ranked.masked_fill(ranked.isinf(), 0.0)
        return masses / masses.sum(-1, keepdim=True).clamp_min(1e-300)
    return torch.softmax(ranked, -1).nan_to_num(0.0)


def _pairs(at: Layout, units: Tensor) -> Tensor:
    """The pairs of chosen units [H, Nc, U], with those of `keep`."""
    kept = at.pairs("keep", False)
    if at.route.units == "diagonals" and not at.units:
        return kept
    if at.route.units == "diagonals":
        far = at.far()
        inside = (far >= 0) & (far < at.units)
        return units[:, 0][:, far.clamp(0, max(at.units - 1, 0))] & inside | kept
    members = at.members.float().expand(at.heads, -1, -1)
    chooser = at.chooser if at.count > 1 else torch.zeros_like(at.chooser)
    return (units.float() @ members > 0)[:, chooser] | kept


def to_lists(units: Tensor) -> Tensor:
    """Bool [..., U] as int32 [..., n], ascending, padded with -1; n is the longest list."""
    width = int(units.sum(-1).max()) if units.numel() else 0
    places = torch.where(units, torch.arange(units.shape[-1]), units.shape[-1])
    found = places.sort(-1).values[..., :width]
    return torch.where(found == units.shape[-1], -1, found).int()


def from_lists(lists: Tensor, units: int) -> Tensor:
    """The reverse: bool [..., U]."""
    found = torch.zeros(*lists.shape[:-1], units + 1, dtype=torch.bool)
    places = torch.where((lists < 0) | (lists >= units), units, lists).long()
    return found.scatter(-1, places, True)[..., :units]
