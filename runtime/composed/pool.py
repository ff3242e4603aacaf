"""Pooled keys and values, and where they lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.branch import Pool
from attnc.dsl.errors import InvalidValue, ShapeMismatch


@dataclass(frozen=True, slots=True)
class Windows:
    """`count` full windows: the first has number `first` and starts at row `row` of the keys."""

    pool: Pool
    first: int
    row: int
    count: int

    def pooled(self, x: Tensor, axis: int) -> Tensor:
        """The windows of a tensor along an axis, without a copy of their rows."""
        size, stride = self.pool.size, self.pool.stride
        if not self.count:
            return x.narrow(axis, 0, 0)
        end = (self.count - 1) * stride + size
        windows = x.narrow(axis, self.row, end).unfold(axis, size, stride)
        # The greatest by its index: the gradient of `amax` is NaN beside a window of NaNs.
        return windows.mean(-1) if self.pool.kind == "mean" else windows.max(-1).values

    def lengths(self, kv_len: Tensor | None) -> Tensor | None:
        """How many windows each entry has: those within its keys."""
        if kv_len is None:
            return None
        size, stride = self.pool.size, self.pool.stride
        counts = torch.div(kv_len - self.row - size, stride, rounding_mode="floor") + 1
        return counts.clamp(0, self.count).to(kv_len.dtype)


def windows(pool: Pool, keys: int, k_start: int) -> Windows:
    """The full windows of `keys` positions from `k_start` on."""
    first = -(-k_start // pool.stride)
    row = first * pool.stride - k_start
    return Windows(pool, first, row, max((keys - row - pool.size) // pool.stride + 1, 0))


def pooled_call(
    pool: Pool,
    k: Tensor,
    v: Tensor,
    where: dict[str, Any],
    inputs: Mapping[str, Any],
    queries: int,
    axis: int,
    cross: bool,
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """The keys and values of a branch that are not tokens, and the keywords of a call for them.

    Queries count tokens and keys count windows, so that both starts are said. Raises
    `InvalidValue` for packed calls, and where keys do not start at one position; `ShapeMismatch`
    for a memory that does not fit.
    """
    if where["cu_seqlens"] is not None:
        raise InvalidValue("cu_seqlens", "nothing: pooled keys take one call per sequence", "given")
    start = where["k_start"]
    if isinstance(start, Tensor) or start < 0:
        raise InvalidValue("k_start", "an int from 0 where keys are pooled", f"{start!r:.40}")
    keys = k.shape[axis]
    found = windows(pool, keys, start)
    q_start = where["q_start"]
    if q_start is None:
        q_start = 0 if cross else start + keys - queries
    if pool.kind == "memory":
        k, v = (_rows(n, inputs[n], x, axis) for n, x in ((pool.keys, k), (pool.values, v)))
        return k, v, where | {"q_start": q_start, "k_start": 0, "kv_len": None}
    changed = {"q_start": q_start, "k_start": found.first, "kv_len": found.lengths(where["kv_len"])}
    return found.pooled(k, axis), found.pooled(v, axis), where | changed


def _rows(name: str, x: Tensor, like: Tensor, axis: int) -> Tensor:
    """An input [hkv, unit, d], perhaps with a batch, as keys or values in the place of `like`."""
    if x.shape[-1] != like.shape[-1]:
        expected = f"{like.shape[-1]} columns, as tokens have"
        raise ShapeMismatch(name, expected, tuple(x.shape))
    rows = x.to(like.dtype).expand(len(like), *x.shape[-3:])
    return rows.transpose(1, 2) if axis == 1 else rows
