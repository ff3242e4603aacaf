"""The routes of a call: each after those that it needs, a sequence at a time."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from attnc.dsl.errors import HeadCountMismatch
from attnc.dsl.program import Bound
from attnc.dsl.route import BoundRoute
from attnc.dsl.route_sets import as_sets
from attnc.runtime.call import Call
from attnc.runtime.route_lists import check_lists, joined
from attnc.runtime.routes.candidates import candidates
from attnc.runtime.routes.choose import CHUNK, best, widened
from attnc.runtime.routes.frame import Frame, frame
from attnc.runtime.routes.fused import fused
from attnc.runtime.routes.fused_masses import fused_masses
from attnc.runtime.routes.masses import Masses
from attnc.runtime.routes.scores import Products, scores
from attnc.runtime.routes.set_lists import of_sets
from attnc.runtime.sets import sets_of_sequence

NOTHING: Mapping[str, Tensor] = MappingProxyType({})


@torch.no_grad()
def select(
    bound: Bound,
    call: Call,
    inputs: Mapping[str, Any],
    lists: Mapping[str, Tensor],
    lses: Mapping[str, Tensor] = NOTHING,
) -> dict[str, Tensor]:
    """The index lists of every route, int32 [B, Hc, Nc, n] by name; given ones are kept.

    Choices are no function to differentiate: nothing here has a gradient. `inputs` are those of the
    call, `lses` [B, H, Nq] those of branches that were computed. Memory is linear in the lengths.
    What lies on a GPU is copied to the CPU, which chooses.
    """
    if call.q.is_cuda:  # TVM's kernels, which choose, are the CPU's
        inputs, lists, lses = (
            tree_map_only(Tensor, Tensor.cpu, dict(x)) for x in (inputs, lists, lses)
        )
        chosen = select(bound, call.on_cpu(), inputs, lists, lses)
        return {name: x.to(call.q.device) for name, x in chosen.items()}
    check_lists(bound, call, lists)
    found, plain = dict(lists), as_sets(bound)
    for route in bound.routes:
        if route.name not in found:
            known = {**inputs, **of_sets(bound, call, found)}
            sequences = range(len(call.rows))
            lse = lses.get(route.branch or "")
            parts = [_sequence(plain, route, call, index, known, lse) for index in sequences]
            found[route.name] = joined(parts, call.packed)
    return found


def _sequence(
    bound: Bound,
    route: BoundRoute,
    call: Call,
    index: int,
    inputs: Mapping[str, Any],
    lse: Tensor | None,
) -> Tensor:
    """The lists [Hc, Nc, n] of one sequence; `lse` is that of the branch that scores, if known."""
    own = sets_of_sequence(bound, inputs, index) if call.packed else inputs
    at = frame(bound, route, call, index, own)
    if len(route.amounts) not in (1, at.heads):
        raise HeadCountMismatch(route.name, len(route.amounts), at.heads)
    if not (at.count and at.units):
        return torch.full((at.own_heads, at.count, 0), -1, dtype=torch.int32)
    return _lists(at, lse)


def _lists(at: Frame, lse: Tensor | None) -> Tensor:
    amounts = torch.tensor(at.route.amounts, dtype=torch.float64)
    worth, allowed = scores(at), candidates(at)
    lists = None
    if isinstance(worth, Products):
        lists = fused(worth, allowed, at.route.rule, amounts)
    elif isinstance(worth, Masses):
        lists = fused_masses(worth, allowed, at.route.rule, amounts, lse)
    if lists is not None:
        return lists
    shares = at.route.shares
    step = max(1, CHUNK // (at.heads * at.units))
    parts = []
    for first in range(0, at.count, step):
        last = min(first + step, at.count)
        found = worth.of(first, last)
        if at.own_heads != at.heads:  # heads that choose as one
            found = found.reshape(at.own_heads, -1, *found.shape[1:]).mean(1)
        parts.append(best(found, allowed.of(first, last), at.route.rule, amounts, shares))
    return widened(parts)
