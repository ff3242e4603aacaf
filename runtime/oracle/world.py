"""What a formula can see: positions, counts, lengths and run-time inputs, as tensors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from attnc.dsl import syntax as ast
from attnc.dsl.errors import HeadsMissing, MissingInput, ShapeMismatch
from attnc.dsl.program import Bound
from attnc.runtime.calls.grids import named_extents
from attnc.runtime.oracle.errors import BatchMissing


@dataclass(frozen=True, slots=True)
class Rows:
    """One sequence: where its rows start in the tensors, their first positions, how many."""

    q_row: int
    k_row: int
    q_start: int
    k_start: int
    q_len: int
    k_len: int

    @property
    def q(self) -> Tensor:
        """The positions of the queries, int64 [Nq]."""
        return self.q_start + torch.arange(self.q_len)

    @property
    def k(self) -> Tensor:
        """The positions of the keys, int64 [Nk]."""
        return self.k_start + torch.arange(self.k_len)


@dataclass(frozen=True, slots=True)
class World:
    """The values of the built-ins (those that are known) and of the inputs, and what was read.

    `places` holds `q`, `k`, and where known `b`, `h`, as int64 tensors that broadcast against each
    other; `heads` and `kv_heads` the counts. Floats are of dtype `real`. `routes` are the pairs of
    the routes of the spec, bool [H, Nq, Nk] by name.
    """

    bound: Bound
    rows: Rows
    places: Mapping[str, Tensor]
    counts: Mapping[str, int | None]
    inputs: Mapping[str, Any]
    real: torch.dtype
    grid: tuple[int, ...] = ()
    read: set[str] = field(default_factory=set)
    routes: Mapping[str, Tensor] = field(default_factory=dict)

    def route(self, name: str) -> Tensor:
        """The pairs of a route at the places: its bool [H, Nq, Nk] read there."""
        h, q, k = (self.builtin(place) for place in ("h", "q", "k"))
        assert h is not None and q is not None and k is not None
        return self.routes[name][h, q - self.rows.q_start, k - self.rows.k_start]

    def on_axis(self, axis: str) -> dict[str, Tensor]:
        """Positions and lengths along one axis of the grid."""
        size = self.number(self.grid[[name for name, _ in self.bound.grid].index(axis)])
        return {
            "q": self._coordinate("q", axis),
            "k": self._coordinate("k", axis),
            "len": size,
            "qlen": size,
        }

    def _coordinate(self, side: str, axis: str) -> Tensor:
        """A coordinate from the number of the token: the last axis is the fastest."""
        place = [name for name, _ in self.bound.grid].index(axis)
        inner = math.prod(self.grid[place + 1 :])
        point = self.places[side] - self._first_point
        return point // max(inner, 1) % max(self.grid[place], 1)

    def on_grid(self, side: str) -> Tensor:
        """Whether the tokens of a side are points of the grid."""
        place, first = self.places[side], self._first_point
        return (place >= first) & (place < first + math.prod(self.grid))

    def in_segment(self, side: str, name: str) -> Tensor:
        """Whether the tokens of a side are in a segment.

        Those before the grid have the first positions, in their order, those after it the last.
        """
        start = 0
        for segment in self.bound.program.segments:
            if segment.name == name:
                break
            start += self._length(segment.name)
        if segment.side == "after":
            start += math.prod(self.grid)
        place = self.places[side]
        return (place >= start) & (place < start + self._length(name))

    @property
    def _first_point(self) -> int:
        before = (s.name for s in self.bound.program.segments if s.side == "before")
        return sum(map(self._length, before))

    def _length(self, segment: str) -> int:
        found = dict(self.bound.segments)[segment]
        return found if isinstance(found, int) else int(self.inputs.get(segment, 0))

    def number(self, value: float) -> Tensor:
        """A constant as a tensor: bool, int64 or `real`."""
        dtype = self.real if isinstance(value, float) else None
        return torch.tensor(value, dtype=dtype)

    def builtin(self, name: str) -> Tensor | None:
        """The value of a built-in, None for any other name.

        Raises `HeadsMissing` or `BatchMissing` for one that the caller did not give.
        """
        self.read.add(name)
        match name:
            case "len":
                return self.number(self.rows.k_start + self.rows.k_len)
            case "qlen":
                return self.number(self.rows.q_len)
            case "heads" | "kv_heads":
                return self.number(self._count(name))
            case "h" if name not in self.places:
                raise HeadsMissing()
            case "b" if name not in self.places:
                raise BatchMissing()
            case _ if "." in name:
                return self._coordinate(*name.split("."))
            case _ if name in (extents := named_extents(self.bound, self.grid)):
                return self.number(extents[name])
            case _ if name in (lengths := {n: s for s, n in self.bound.segments}):
                return self.number(self._length(lengths[name]))
            case _:
                return self.places.get(name)

    def _count(self, name: str) -> int:
        count = self.counts.get(name)
        if count is None:
            raise HeadsMissing(name)
        return count

    def scalar(self, name: str) -> Tensor:
        """The value of an input without axes."""
        value = self._given(name)
        found = value if isinstance(value, Tensor) else torch.tensor(value)
        return self._converted(name, found.reshape(()))

    def _given(self, name: str) -> Any:
        if self.inputs.get(name) is None:
            raise MissingInput(name)
        return self.inputs[name]

    def _converted(self, name: str, x: Tensor) -> Tensor:
        is_int = self.bound.inputs[name].dtype == "int"
        return x.to(torch.int64 if is_int else self.real)

    def item(self, name: str, indices: tuple[Tensor, ...]) -> Tensor:
        """`name[indices]` of an input tensor; the indices are positions, heads, table entries."""
        declared, x = self.bound.inputs[name], self._given(name)
        if not self.rows.k_len:  # no pair, and perhaps nothing to read
            return self._converted(name, 0 * sum(indices, torch.tensor(0)))
        axes = zip(declared.axes, indices, strict=True)
        places = [self._place(declared, axis, index, x) for axis, index in axes]
        if x.dim() > len(places):
            batch = self.builtin("b") if x.shape[0] > 1 else torch.tensor(0)
            places.insert(0, batch)  # type: ignore[arg-type]
        return self._converted(name, x[tuple(places)])

    def member(
        self, name: str, value: Tensor, indices: tuple[Tensor, ...], first: tuple[Tensor, ...]
    ) -> Tensor:
        """Whether `name[indices]` of a set holds a value; `first` are the indices of query row 0.

        The lists are the last axis of the tensor; negative entries are none.
        """
        declared, x = self.bound.inputs[name], self._given(name)
        if not self.rows.k_len or not self.rows.q_len:
            return (value < 0) & (value >= 0)
        places: list[Tensor] = []
        for axis, index, start in zip(declared.axes, indices, first, strict=True):
            size = x.shape[declared.axes.index(axis) - len(declared.axes) - 1]
            group = self._count("heads") // size if axis == "hkv" else 1
            row = index - start + self.rows.q_row if axis == "q" else index // group
            places.append(row)
        if x.dim() > len(places) + 1:
            batch = self.builtin("b") if x.shape[0] > 1 else torch.tensor(0)
            places.insert(0, batch)  # type: ignore[arg-type]
        lists = x[tuple(places)].long()
        found: Tensor = (lists == value[..., None]).any(-1) & (value >= 0)
        return found

    def _place(self, declared: ast.Input, axis: str, index: Tensor, x: Tensor) -> Tensor:
        """The row of the tensor that an index means, on one axis."""
        size = x.shape[declared.axes.index(axis) - len(declared.axes)]
        rows = self.rows
        match axis:
            case "hkv":
                return index // (self._count("heads") // size)
            case "token":  # of a query beyond the keys: the nearest existing token
                return rows.k_row + (index - rows.k_start).clamp(0, rows.k_len - 1)
            case "k":
                return rows.k_row + index - rows.k_start
            case "q":
                return rows.q_row + index - rows.q_start
            case "d" if index.numel() and not 0 <= int(index.min()) <= int(index.max()) < size:
                expected = f"a table axis that holds {int(index.min())}..{int(index.max())}"
                raise ShapeMismatch(declared.name, expected, tuple(x.shape))
            case _:
                return index
