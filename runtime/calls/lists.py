"""The lists of run-time sets, as kernels take them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from attnc.compiler.listed import chooser, flag_axis
from attnc.compiler.ranges import reach
from attnc.dsl import syntax as ast
from attnc.dsl.complexity import nodes
from attnc.dsl.errors import InvalidValue
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Call
from attnc.runtime.calls.row import Row
from attnc.runtime.calls.sets import Lists, checked_set
from attnc.runtime.torch_functions import closed_function
from attnc.runtime.torch_helpers import tensor


def with_sets(
    bound: Bound, call: Call, given: Mapping[str, Any], asked: Mapping[str, ast.Member]
) -> Call:
    """The call with its sets as kernels take them: flags among the tensors, and lists.

    `asked` are the tests of the mask at this number of heads. Raises what `checked_set` raises.
    """
    rows = call.rows
    flags: dict[str, Tensor] = {}
    lists: dict[str, Lists] = {}
    for name, x in checked_sets(bound, call, given, asked).items():
        if name not in asked:
            continue
        test = asked[name]
        axis = flag_axis(test, bound.inputs[name].axes)
        if axis is not None:
            flags[name] = flags_of(bound, test, axis, x, call, given)
        else:
            longest = max((row.k_start + row.k_len for row in rows), default=0)
            lists[name] = _lists(x, reach(test.value, max(longest, 1)).high)
    if not flags and not lists:
        return call
    return replace(call, tensors={**call.tensors, **flags}, lists=lists)


def checked_sets(
    bound: Bound, call: Call, given: Mapping[str, Any], asked: Mapping[str, ast.Member]
) -> dict[str, Tensor]:
    """The lists of each set, [B, S or 1, axes..., n] or [B, 1, ..., n]. Raises as `checked_set`."""
    found = {}
    for name, declared in bound.inputs.items():
        if declared.dtype != "set":
            continue
        test = asked.get(name)
        size = 1 if test is None else chooser(test, declared.axes)
        count = _lists_of_queries(name, size, call.q, call.rows)
        rows = len(call.rows)
        found[name] = checked_set(declared, given.get(name), call.q, call.k, count, rows)
    return found


def _lists_of_queries(name: str, size: int, q: Tensor, rows: Sequence[Row]) -> int:
    """How many lists there are for the queries, of which `size` share one."""
    if size <= 1:
        return q.shape[2]
    if any(row.q_row for row in rows):
        raise InvalidValue(name, "one sequence for each batch entry, not `cu_seqlens`", "given")
    ends = ((row.q_start, row.q_start + max(row.q_len, 1) - 1) for row in rows)
    return max((last // size - first // size + 1 for first, last in ends), default=0)


def _lists(x: Tensor, most: float) -> Lists:
    """Lists without what is no entry; marks are at most `most`."""
    kept = (x >= 0) & (x <= most)
    entries = x[kept].int()
    ends = kept.sum(-1).flatten().cumsum(0).int()
    starts = torch.cat([ends.new_zeros(1), ends[:-1]]) if ends.numel() else ends
    shape = x.shape[:-1]
    width = int(entries.max()) + 1 if entries.numel() else 1
    return Lists(starts.view(shape), ends.view(shape), entries, width)


def flags_of(
    bound: Bound, test: ast.Member, axis: str, x: Tensor, call: Call, given: Mapping[str, Any]
) -> Tensor:
    """int32 [B or 1, axes..., N]: for each key (query), whether its value is in each list."""
    rows, (batch, heads) = call.rows, call.q.shape[:2]
    read = {node.base for node in nodes(test.value) if isinstance(node, ast.Index)}
    own = x.shape[0] > 1 or any(_by_entry(bound.inputs[name], given[name]) for name in read)
    alike = call.packed or len(set(rows)) == 1
    entries = 1 if call.packed or (alike and not own) else batch
    found = torch.zeros(
        entries, *x.shape[1:-1], (call.k if axis == "k" else call.q).shape[2], dtype=torch.int32
    )
    for entry, row in enumerate(rows):
        here = 0 if call.packed or entries == 1 else entry
        first, count = (row.k_row, row.k_len) if axis == "k" else (row.q_row, row.q_len)
        if not count:
            continue
        value = closed_function(bound, row, heads, given, test.value, ("q", "k"))
        at = torch.arange(count)
        values = value(here, torch.arange(heads)[:, None], at + row.q_start, at + row.k_start)
        lists = x[entry if x.shape[0] > 1 else 0].long()
        found[here, ..., first : first + count] = _listed(lists, tensor(values))
    return found


def _by_entry(declared: ast.Input, x: Tensor) -> bool:
    """Whether an input has numbers of its own for each entry of the batch."""
    return "b" in declared.axes or (x.dim() > len(declared.axes) and x.shape[0] > 1)


def _listed(lists: Tensor, values: Tensor) -> Tensor:
    """int32 [..., N]: whether values [N], or [H, N] of as many heads as lists, are in lists."""
    asked = values.long().expand(*lists.shape[:-1], -1).contiguous()
    if not lists.shape[-1]:
        return torch.zeros_like(asked, dtype=torch.int32)
    ranked = lists.sort(-1).values
    places = torch.searchsorted(ranked, asked).clamp_max(lists.shape[-1] - 1)
    return ((ranked.gather(-1, places) == asked) & (asked >= 0)).int()
