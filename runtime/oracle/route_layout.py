"""Who chooses and what is chosen: choosers, units, and the tensors that routes read."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from attnc.dsl.errors import MissingInput
from attnc.dsl.route import BoundRoute, Box
from attnc.runtime.oracle.formula import pairs_of
from attnc.runtime.oracle.world import Rows, World


@dataclass(frozen=True)
class Layout:
    """One route in one sequence: q [H, Nq, D] and k [H, Nk, D] are float64."""

    route: BoundRoute
    world: World
    q: Tensor
    k: Tensor
    scale: float

    @property
    def rows(self) -> Rows:
        """Where the sequence lies."""
        return self.world.rows

    @property
    def heads(self) -> int:
        """How many query heads there are."""
        return self.q.shape[0]

    @property
    def together(self) -> int:
        """How many neighbouring heads choose as one."""
        kv_heads = self.world.counts["kv_heads"] or 1
        return {"group": self.heads // kv_heads, "call": self.heads}.get(self.route.choosers, 1)

    @cached_property
    def chooser(self) -> Tensor:
        """The chooser of each query, int64 [Nq]; -1 for a query that has no say."""
        positions, rows = self.rows.q, self.route.rows
        match self.route.choosers:
            case _ if self.route.query_box:
                return self._boxes("q", self.route.query_box)
            case "token" | "blocks" | "group":
                return positions // rows - self.rows.q_start // rows
            case "last":
                return torch.where(torch.arange(len(positions)) < len(positions) - rows, -1, 0)
            case _:
                return torch.zeros_like(positions)

    @cached_property
    def count(self) -> int:
        """How many choosers a head has."""
        if not self.rows.q_len:
            return 0
        alone = self.route.choosers in ("head", "call", "last")
        return 1 if alone else int(self.chooser.max()) + 1

    @cached_property
    def units(self) -> int:
        """How many units there are."""
        rows = self.rows
        if self.route.units == "diagonals":  # the distances from a query back to a key
            return max(rows.q_start + rows.q_len - rows.k_start, 0) if rows.k_len else 0
        return self.members.shape[1]

    @cached_property
    def members(self) -> Tensor:
        """Which keys a unit has: bool [Hu, U, Nk], Hu being 1 or H (labels of each head)."""
        route, k = self.route, self.rows.k
        match route.units:
            case "token" | "blocks":
                end = self.rows.k_start + self.rows.k_len if self.rows.k_len else 0
                first = torch.arange(-(-end // route.stride))[:, None] * route.stride
                return ((first <= k) & (k < first + route.size))[None]
            case "cluster":
                labels = self._labels()
                units = torch.arange(int(labels.max()) + 1 if labels.numel() else 0)
                return labels[:, None] == units[:, None]
            case "boxes":
                mine = self._boxes("k", self.route.box)
                return (mine == torch.arange(int(mine.max()) + 1)[:, None])[None]
            case _:
                raise AssertionError("diagonals have no keys of their own")

    def _boxes(self, side: str, box: Box) -> Tensor:
        """The box of each point, int64 [N]: boxes are counted in row-major order."""
        found = torch.zeros_like(self.rows.q)
        names = [name for name, _ in self.world.bound.grid]
        for axis, extent, points in zip(names, self.world.grid, box, strict=True):
            size = extent if points is None else points
            found = found * -(-extent // size) + self.world.on_axis(axis)[side].flatten() // size
        return found

    def _labels(self) -> Tensor:
        """The unit of each key, int64 [H, Nk]."""
        name = str(self.route.label)
        head = torch.arange(self.heads)[:, None]
        places = {"h": head, "hkv": head, "token": self.rows.k[None], "b": self.world.places["b"]}
        axes = self.world.bound.inputs[name].axes
        found = self.world.item(name, tuple(places[axis] for axis in axes))
        return found.expand(self.heads, self.rows.k_len)

    def axes(self, name: str | None) -> tuple[str, ...]:
        """The axes of an input."""
        return self.world.bound.inputs[name].axes if name is not None else ()

    def tensor(self, name: str) -> Tensor:
        """An input as float64 [H, rows..., columns], the rows being those of this sequence."""
        x = self.world.inputs.get(name)
        if not isinstance(x, Tensor):
            raise MissingInput(name)
        axes = self.axes(name)
        if x.dim() > len(axes) or "b" in axes:
            x = x[int(self.world.places["b"]) if x.shape[0] > 1 else 0]
        axes = tuple(axis for axis in axes if axis != "b")
        if axes[0] in ("h", "hkv"):
            x = x.repeat_interleave(self.heads // x.shape[0], 0)
        else:
            x, axes = x.expand(self.heads, *x.shape), ("h", *axes)
        first = {"token": self.rows.k_row, "q": self.rows.q_row}.get(axes[1], 0)
        length = {"token": self.rows.k_len, "q": self.rows.q_len}.get(axes[1], x.shape[1])
        return x[:, first : first + length].double()

    def pairs(self, part: str, default: bool) -> Tensor:
        """The pairs of `within` or `keep`, bool [H, Nq, Nk]."""
        shape = (self.heads, self.rows.q_len, self.rows.k_len)
        if not (self.route.within if part == "within" else self.route.keep):
            return torch.full(shape, default)
        bound = self.world.bound
        bound = replace(bound, values={**bound.values, **self.route.prefixed})
        return pairs_of(replace(self.world, bound=bound), self.route.call(part)).expand(shape)

    def shared(self, x: Tensor, how: str) -> Tensor:
        """[H, ...] as the mean or the sum over the heads that choose as one, repeated."""
        parts = x.reshape(len(x) // self.together, self.together, *x.shape[1:])
        reduced: Tensor = parts.mean(1) if how == "mean" else parts.sum(1)
        return reduced.repeat_interleave(self.together, 0)

    def far(self) -> Tensor:
        """How far back each key lies, int64 [Nq, Nk]; negative where it is ahead."""
        return self.rows.q[:, None] - self.rows.k
