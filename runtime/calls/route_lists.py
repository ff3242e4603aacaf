"""Index lists of routes: their shape, the part of one sequence, and sequences put together.

A list tensor is int32 [B, Hc, Nc, n]: for each chooser the numbers of its units, ascending, then
-1. Hc is the number of query heads, of KV heads where a group chooses, or 1 where the whole call
does. Nc are the choosers of a head, from that of the first query on: queries, blocks of queries, or
1. Sequences of a packed call follow each other along Nc.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.errors import DtypeMismatch, ShapeMismatch
from attnc.dsl.program import Bound
from attnc.dsl.route import BoundRoute
from attnc.runtime.calls.call import Call
from attnc.runtime.calls.row import Row

LISTED = (torch.int32, torch.int64)


def split_lists(bound: Bound, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The index lists among the keywords of a call, and the rest; None is nothing given."""
    names = {route.name for route in bound.routes}
    lists = {name: x for name, x in given.items() if name in names and x is not None}
    return lists, {name: x for name, x in given.items() if name not in names}


def chooser_heads(route: BoundRoute, heads: int, kv_heads: int) -> int:
    """How many heads choose: Hc."""
    return {"group": kv_heads, "call": 1}.get(route.choosers, heads)


def choosers(route: BoundRoute, row: Row, grid: Sequence[int] = ()) -> int:
    """How many choosers a head has in one sequence, or on a grid."""
    if not row.q_len:
        return 0
    if route.query_box:
        return prod(len(range(0, n, b or n)) for n, b in zip(grid, route.query_box, strict=True))
    if route.choosers in ("head", "call", "last"):
        return 1
    return (row.q_start + row.q_len - 1) // route.rows - row.q_start // route.rows + 1


def check_lists(bound: Bound, call: Call, lists: Mapping[str, Any]) -> None:
    """Refuse what is no list of a route of this call."""
    for route in bound.routes:
        if route.name not in lists:
            continue
        x = lists[route.name]
        if not isinstance(x, Tensor) or x.dtype not in LISTED:
            found = str(x.dtype) if isinstance(x, Tensor) else type(x).__name__
            raise DtypeMismatch(route.name, "int32 index lists", found)
        batch = call.q.shape[0]
        heads = chooser_heads(route, call.q.shape[1], call.k.shape[1])
        counts = [choosers(route, row, call.grid) for row in call.rows]
        count = sum(counts) if call.packed else max(counts, default=0)
        if x.dim() != 4 or tuple(x.shape[:3]) != (batch, heads, count):
            raise ShapeMismatch(route.name, f"[{batch}, {heads}, {count}, n]", tuple(x.shape))


def part(route: BoundRoute, call: Call, lists: Tensor, index: int) -> Tensor:
    """The lists [Hc, Nc, n] of one sequence of a call."""
    counts = [choosers(route, row, call.grid) for row in call.rows[: index + 1]]
    if call.packed:
        first = sum(counts[:-1])
        return lists[0, :, first : first + counts[-1]]
    return lists[index, :, : counts[-1]]


def joined(parts: Sequence[Tensor], packed: bool) -> Tensor:
    """The lists of a call from those [Hc, Nc, n] of its sequences, padded to one shape."""
    width = max((x.shape[2] for x in parts), default=0)
    count = 0 if packed else max((x.shape[1] for x in parts), default=0)
    same = [_padded(x, max(count, x.shape[1]), width) for x in parts]
    return torch.cat(same, 1).unsqueeze(0) if packed else torch.stack(same)


def _padded(x: Tensor, count: int, width: int) -> Tensor:
    if x.shape[1:] == (count, width):
        return x
    found = x.new_full((x.shape[0], count, width), -1)
    found[:, : x.shape[1], : x.shape[2]] = x
    return found
