"""How the choices of a call are judged: by the oracle's scores, near the cut."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.branch import parts
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Call
from attnc.runtime.calls.route_lists import part
from attnc.runtime.oracle.routes import Chosen, from_lists
from attnc.runtime.oracle.sequence import seen

ROUNDINGS = 256  # of the arithmetic's precision, relative to the largest score of a chooser


def wrong_choices(
    bound: Bound, call: Call, inputs: Mapping[str, Any], lists: Mapping[str, Tensor]
) -> int:
    """How many chosen (or left) units differ from the oracle's by more than rounding explains.

    A unit may differ where its float64 score is as good as that of the cut: the worst unit that
    the oracle chose, or the best that it left. Routes that others need are judged by themselves.
    """
    return sum(_of_part(one.bound, call, inputs, lists) for one in parts(bound))


def _of_part(
    bound: Bound, call: Call, inputs: Mapping[str, Any], lists: Mapping[str, Tensor]
) -> int:
    wrong = 0
    for place, route in enumerate(bound.routes):
        earlier = {r.name: lists[r.name] for r in bound.routes[:place]}
        for index in range(len(call.rows)):
            _, _, found = seen(bound, call, index, dict(inputs), earlier)
            exact = found[route.name]
            ours = from_lists(part(route, call, lists[route.name], index), exact.units.shape[-1])
            wrong += int(_unlike(exact, ours, torch.finfo(call.q.dtype).eps).sum())
    return wrong


def _unlike(exact: Chosen, ours: Tensor, eps: float) -> Tensor:
    """Bool [Hc, Nc, U]: units that are in one choice only, and not as good as its cut."""
    if not exact.units.numel():
        return exact.units
    scores, candidates = exact.scores, exact.scores > -torch.inf
    worst = scores.masked_fill(~exact.units, torch.inf).amin(-1, keepdim=True)
    best = scores.masked_fill(exact.units, -torch.inf).amax(-1, keepdim=True)
    largest = scores.masked_fill(~candidates, 0.0).abs().amax(-1, keepdim=True)
    allowed = ROUNDINGS * max(eps, torch.finfo(torch.float32).eps) * (largest + 1.0)
    added = ours & ~exact.units & ((scores < worst - allowed) | ~candidates)
    missed = exact.units & ~ours & (scores > best + allowed)
    return added | missed
