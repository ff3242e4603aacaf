"""One route in one sequence: who chooses, the rows of each unit, and the tensors that are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil, prod
from typing import Any

import torch
from torch import Tensor

from attnc.compiler.decided import Box
from attnc.dsl.program import Bound
from attnc.dsl.route import BoundRoute
from attnc.runtime.calls.call import Call
from attnc.runtime.calls.inputs import computed_in
from attnc.runtime.calls.route_lists import chooser_heads, choosers
from attnc.runtime.calls.row import Row
from attnc.runtime.routes.labels import boxes, members

FAR = 1 << 62


@dataclass(frozen=True)
class Frame:
    """q [H, Nq, D], k [Hkv, Nk, D]; `inputs` are those of the call, `b` is the batch entry.

    `grid` are the extents of the axes where the spec is on a grid. Queries and keys are rows of the
    sequence, from 0; positions are `row.q_start` and `row.k_start` more.
    """

    bound: Bound
    route: BoundRoute
    row: Row
    b: int
    q: Tensor
    k: Tensor
    scale: float
    inputs: Mapping[str, Any]
    grid: tuple[int, ...] = ()

    @property
    def heads(self) -> int:
        """How many query heads there are."""
        return self.q.shape[0]

    @property
    def kv_heads(self) -> int:
        """How many KV heads there are."""
        return self.k.shape[0]

    @property
    def own_heads(self) -> int:
        """How many heads choose for themselves."""
        return chooser_heads(self.route, self.heads, self.kv_heads)

    @cached_property
    def count(self) -> int:
        """How many choosers a head has."""
        return choosers(self.route, self.row, self.grid)

    @cached_property
    def first_query(self) -> Tensor:
        """The first row of each chooser, int64 [Nc]."""
        if self.route.choosers in ("head", "call"):
            return torch.zeros(self.count, dtype=torch.int64)
        if self.route.choosers == "last":
            return torch.full((self.count,), max(self.row.q_len - self.route.rows, 0))
        if self.route.query_box:
            return self._ends_of_boxes[0]
        start, rows = self.row.q_start, self.route.rows
        return (torch.arange(self.count) + start // rows).mul_(rows).sub_(start).clamp_min_(0)

    @cached_property
    def last_query(self) -> Tensor:
        """The last row of each chooser, int64 [Nc]."""
        if self.route.query_box:
            return self._ends_of_boxes[1]
        end = self.first_query.new_full((1,), self.row.q_len)
        return torch.cat([self.first_query[1:], end])[: self.count] - 1

    @cached_property
    def _ends_of_boxes(self) -> tuple[Tensor, Tensor]:
        """The first and the last row of each box of queries."""
        rows = self.row.q_len
        return _ends(self.chooser, torch.arange(rows), self.count, (rows, -1))

    @cached_property
    def chooser(self) -> Tensor:
        """The chooser of each query of boxes, int64 [Nq]."""
        return boxes(self.grid, self.route.query_box).long()

    def rows_of(self, first: int, last: int) -> range:
        """The rows of the choosers from `first` to before `last`, as numbers of the host."""
        ends = (self._begin(first), self._begin(last) if last < self.count else self.row.q_len)
        return range(*ends)

    def _begin(self, chooser: int) -> int:
        """The first row of a chooser."""
        start, rows = self.row.q_start, self.route.rows
        match self.route.choosers:
            case "head" | "call":
                return 0
            case "last":
                return max(self.row.q_len - rows, 0)
            case _:
                return max((chooser + start // rows) * rows - start, 0)

    def chooser_of(self, row: int) -> int:
        """The chooser of a query."""
        if self.count <= 1:
            return 0
        start, rows = self.row.q_start, self.route.rows
        return (row + start) // rows - start // rows

    @cached_property
    def common(self) -> Box:
        """What pairs of a chooser and a unit have in common."""
        route = self.route
        aligned = route.units in ("token", "blocks") and route.size == route.stride
        return Box(len(self.query_steps) == 1, route.size if aligned else 0)

    @cached_property
    def labels(self) -> Tensor:
        """The unit of each key of clusters or boxes, int64 [H or 1, Nk]; negative for none."""
        name = str(self.route.label)
        return self._of_heads(name).long()

    def _of_heads(self, name: str) -> Tensor:
        """An input as [H or 1, rows..., columns], the rows being those of this sequence."""
        x, axes = self.inputs[name], self.axes(name)
        if x.dim() > len(axes) or "b" in axes:
            x = x[self.b if x.shape[0] > 1 else 0]
        axes = tuple(axis for axis in axes if axis != "b")
        if axes[0] == "hkv":
            x = x.repeat_interleave(self.heads // self.kv_heads, 0)
        elif axes[0] != "h":
            x, axes = x.unsqueeze(0), ("h", *axes)
        match axes[1]:
            case "token":
                first, length = self.row.k_row, self.row.k_len
            case "q":
                first, length = self.row.q_row, self.row.q_len
            case _:
                first, length = 0, x.shape[1]
        rows: Tensor = x[:, first : first + length]
        return rows

    def tensor(self, name: str) -> Tensor:
        """An input as [H or 1, rows..., columns] in the dtype of the arithmetic."""
        return self._of_heads(name).to(self.q.dtype)

    def axes(self, name: str | None) -> tuple[str, ...]:
        """The axes of an input."""
        return self.bound.inputs[name].axes if name is not None else ()

    @cached_property
    def units(self) -> int:
        """How many units there are."""
        end = self.row.k_start + self.row.k_len if self.row.k_len else 0
        match self.route.units:
            case "token" | "blocks":
                return -(-end // self.route.stride)
            case "boxes":
                sides = zip(self.grid, self.route.box, strict=True)
                return prod(ceil(extent / (size or extent)) for extent, size in sides)
            case "cluster":
                return int(self.labels.max()) + 1 if self.labels.numel() else 0
            case _:
                behind = self.row.q_start + self.row.q_len - self.row.k_start
                return max(behind, 0) if self.row.k_len else 0

    @cached_property
    def spans(self) -> tuple[Tensor, Tensor]:
        """The first and the last row of each unit, int64 [H or 1, U]; last < first where empty."""
        rows = self.row.k_len
        if self.route.label is not None:
            return _ends(self.labels, torch.arange(rows), self.units, (rows, -1))
        first = torch.arange(self.units)[None] * self.route.stride - self.row.k_start
        return first.clamp_min(0), (first + self.route.size - 1).clamp_max(rows - 1)

    def alike(self, name: str) -> bool:
        """Whether an input of tokens has one number in each unit of labels."""
        values = self._of_heads(name).long()
        heads = max(len(values), len(self.labels))
        labels = self.labels.expand(heads, -1)
        low, high = _ends(labels, values.expand(heads, -1), self.units, (FAR, -FAR))
        return bool((low >= high).all())

    def coordinates(self, axis: int) -> Tensor:
        """The coordinate of each point along an axis of the grid, int64 [N]."""
        inner = prod(self.grid[axis + 1 :])
        return torch.arange(self.row.k_len) // inner % self.grid[axis]

    def query_ends(self, axis: int) -> tuple[Tensor, Tensor]:
        """The least and the greatest coordinate of each chooser's queries, int64 [Nc]."""
        at = self.coordinates(axis)
        if self.count == self.row.q_len:
            return at, at
        rows = torch.arange(self.row.q_len)
        labels = self.chooser if self.route.query_box else self._line_of(rows)
        return _ends(labels, at, self.count, (self.grid[axis], -1))

    def unit_ends(self, axis: int) -> tuple[Tensor, Tensor]:
        """The least and the greatest coordinate of each unit's keys, int64 [H or 1, U]."""
        at = self.coordinates(axis)
        if self.route.label is None:  # a token
            return at[None], at[None]
        return _ends(self.labels, at, self.units, (self.grid[axis], -1))

    def _line_of(self, rows: Tensor) -> Tensor:
        """The chooser of each row where choosers are consecutive rows; -1 for none."""
        if self.count <= 1:
            return torch.zeros_like(rows).masked_fill(rows < self.first_query, -1)
        start, size = self.row.q_start, self.route.rows
        return (rows + start).div(size, rounding_mode="floor") - start // size

    @cached_property
    def query_steps(self) -> Tensor:
        """How far from the first row of a chooser its rows may lie, int64 [n]."""
        if self.route.query_box:
            return members(self.grid, self.route.query_box)
        whole = self.route.choosers in ("head", "call")
        return torch.arange(self.row.q_len if whole else self.route.rows)

    @cached_property
    def unit_steps(self) -> Tensor:
        """How far from the first row of a unit its rows may lie, int64 [n]."""
        if self.route.box:
            return members(self.grid, self.route.box)
        if self.route.label is None:
            return torch.arange(self.route.size)
        low, high = self.spans
        return torch.arange(max(int((high - low).max()), 0) + 1)


def _ends(
    labels: Tensor, values: Tensor, count: int, none: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """The least and the greatest of the values [N] of each label; int64 [..., count] each.

    `none` are those of a label that no value has.
    """
    shape, places = (*labels.shape[:-1], count + 1), labels.clamp_min(-1) + 1
    at = values.expand_as(places)
    low = torch.full(shape, none[0]).scatter_reduce(-1, places, at, "amin")
    high = torch.full(shape, none[1]).scatter_reduce(-1, places, at, "amax")
    return low[..., 1:], high[..., 1:]


def frame(
    bound: Bound, route: BoundRoute, call: Call, index: int, inputs: Mapping[str, Any]
) -> Frame:
    """A route in one sequence of a call, its tensors in the dtype of the arithmetic."""
    row, entry = call.rows[index], 0 if call.packed else index
    real = computed_in(call.q.dtype)
    q = call.q[entry, :, row.q_row : row.q_row + row.q_len].to(real)
    k = call.k[entry, :, row.k_row : row.k_row + row.k_len].to(real)
    return Frame(bound, route, row, entry, q, k, call.scale, inputs, call.grid)
