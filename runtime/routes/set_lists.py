"""The lists of a route as those of the run-time set that it is (see `dsl.route_sets`)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from attnc.dsl.program import Bound
from attnc.dsl.route import BoundRoute
from attnc.dsl.route_sets import piece
from attnc.runtime.calls.call import Call
from attnc.runtime.calls.route_lists import part
from attnc.runtime.routes.labels import boxes


def of_sets(bound: Bound, call: Call, lists: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """For each route the lists of its set: [B, H, Nq, m], or [B, H, m] where a head has one.

    Packed sequences have an axis of their own in the latter, [S, H, m]. The boxes of a grid's
    points are there too.
    """
    found = {
        route.name: of_set(route, call, lists[route.name])
        for route in bound.routes
        if route.name in lists
    }
    return found | box_labels(bound, call)


def box_labels(bound: Bound, call: Call) -> dict[str, Tensor]:
    """The box of each point, for the routes whose units are boxes, by the names of their labels."""
    return {
        str(route.label): boxes(call.grid, route.box).to(call.q.device)
        for route in bound.routes
        if route.box
    }


def of_set(route: BoundRoute, call: Call, lists: Tensor) -> Tensor:
    """The lists of one route's set."""
    found = _pieces(route, lists)
    found = of_queries(route, call, found) if "q" in route.axes else _once(route, call, found)
    return found.repeat_interleave(call.q.shape[1] // found.shape[1], 1)


def of_queries(route: BoundRoute, call: Call, lists: Tensor) -> Tensor:
    """The lists of the choosers as lists of queries, [B, Hc, Nq, n]."""
    if route.choosers in ("token", "group") and route.rows == 1 and not route.query_box:
        return lists
    parts = []
    for index, row in enumerate(call.rows):
        own = part(route, call, lists, index)
        if route.query_box:
            parts.append(own[:, boxes(call.grid, route.query_box).long()])
        elif own.shape[1] == 1:
            parts.append(own.expand(-1, row.q_len, -1))
        else:
            at = torch.arange(row.q_start, row.q_start + row.q_len)
            blocks = at.div(route.rows, rounding_mode="floor") - row.q_start // route.rows
            parts.append(own[:, blocks])
    return torch.cat(parts, 1).unsqueeze(0) if call.packed else torch.stack(parts)


def _once(route: BoundRoute, call: Call, lists: Tensor) -> Tensor:
    """The one list of each head and sequence, [B or S, Hc, n]; nothing where there is no query."""
    parts = (part(route, call, lists, index) for index in range(len(call.rows)))
    none = lists.new_full((lists.shape[1], lists.shape[3]), -1)
    return torch.stack([own[:, 0] if own.shape[1] else none for own in parts])


def _pieces(route: BoundRoute, lists: Tensor) -> Tensor:
    """The numbers of the pieces of each unit, each once."""
    size = piece(route)
    if route.units != "blocks" or size == route.size == route.stride:
        return lists
    own = torch.arange(route.size // size, dtype=lists.dtype)
    units = lists.unsqueeze(-1)
    found = torch.where(units < 0, -1, units * (route.stride // size) + own).flatten(-2)
    found = found.sort(-1).values
    again = torch.zeros_like(found, dtype=torch.bool)
    again[..., 1:] = found[..., 1:] == found[..., :-1]
    return found.masked_fill(again, -1)
