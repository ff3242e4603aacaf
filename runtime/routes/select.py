"""The routes of a call: each after those that it needs, a sequence at a time."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.errors import HeadCountMismatch
from attnc.dsl.program import Bound
from attnc.dsl.route import BoundRoute
from attnc.dsl.route_sets import as_sets
from attnc.runtime.calls.call import Call
from attnc.runtime.calls.route_lists import check_lists, joined
from attnc.runtime.calls.sets import sets_of_sequence
from attnc.runtime.routes.candidates import Candidates, candidates
from attnc.runtime.routes.choose import CHUNK, best, widened
from attnc.runtime.routes.frame import Frame, frame
from attnc.runtime.routes.fused import fused
from attnc.runtime.routes.fused_masses import fused_masses
from attnc.runtime.routes.masses import Masses
from attnc.runtime.routes.scores import Products, Scores, scores
from attnc.runtime.routes.set_lists import of_sets
from attnc.runtime.routes.waiting import free

Kernel = Callable[[Scores, Candidates, Tensor | None], Tensor | None]
NOTHING: Mapping[str, Tensor] = MappingProxyType({})


def on_cpu(worth: Scores, allowed: Candidates, lse: Tensor | None) -> Tensor | None:
    """Lists by a kernel of the CPU's; None for what PyTorch chooses."""
    match worth:
        case Products():
            return fused(worth, allowed)
        case Masses():
            return fused_masses(worth, allowed, lse)
        case _:
            return None


@torch.no_grad()
def select(
    bound: Bound,
    call: Call,
    inputs: Mapping[str, Any],
    lists: Mapping[str, Tensor],
    lses: Mapping[str, Tensor] = NOTHING,
    kernel: Kernel = on_cpu,
) -> dict[str, Tensor]:
    """The index lists of every route, int32 [B, Hc, Nc, n] by name; given ones are kept.

    Choices are no function to differentiate: nothing here has a gradient. `inputs` are those of the
    call, `lses` [B, H, Nq] those of branches that were computed. Memory is linear in the lengths.
    All is computed where the tensors lie, by `kernel` if it takes a route; what lies on a GPU is
    not waited for, unless routes have clusters.
    """
    check_lists(bound, call, lists)
    found, plain = dict(lists), as_sets(bound)
    with call.q.device:  # on which PyTorch makes what it makes from now on
        for route in bound.routes:
            if route.name not in found:
                known = {**inputs, **of_sets(bound, call, found)}
                lse = lses.get(route.branch or "")
                parts = [
                    _sequence(plain, route, call, index, known, lse, kernel)
                    for index in range(len(call.rows))
                ]
                found[route.name] = joined(parts, call.packed)
    return found


def _sequence(
    bound: Bound,
    route: BoundRoute,
    call: Call,
    index: int,
    inputs: Mapping[str, Any],
    lse: Tensor | None,
    kernel: Kernel,
) -> Tensor:
    """The lists [Hc, Nc, n] of one sequence; `lse` is that of the branch that scores, if known."""
    own = sets_of_sequence(bound, inputs, index) if call.packed else inputs
    at = frame(bound, route, call, index, own)
    if len(route.amounts) not in (1, at.heads):
        raise HeadCountMismatch(route.name, len(route.amounts), at.heads)
    if not (at.count and at.units):
        return torch.full((at.own_heads, at.count, 0), -1, dtype=torch.int32)
    worth, allowed = scores(at), candidates(at)
    found = kernel(worth, allowed, lse)
    return _lists(at, worth, allowed) if found is None else found


def _lists(at: Frame, worth: Scores, allowed: Candidates) -> Tensor:
    """The lists of what no kernel takes, some choosers at a time."""
    route = at.route
    total = at.heads * at.count * at.units
    padded = total <= CHUNK and not free(at.q)
    step = max(1, CHUNK // (at.heads * at.units))
    parts = []
    for first in range(0, at.count, step):
        last = min(first + step, at.count)
        found, own = worth.of(first, last), allowed.of(first, last)
        if at.own_heads != at.heads:  # heads that choose as one
            found = found.reshape(at.own_heads, -1, *found.shape[1:]).mean(1)
        parts.append(best(found, own, route.rule, route.amounts, route.shares, padded))
    return widened(parts)
