"""The checks on one call, and the call in the one form that kernels and the oracle share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.errors import DtypeMismatch, InvalidValue, MissingInput, ShapeMismatch
from attnc.dsl.program import Bound
from attnc.runtime.calls.grids import check_grid, refuse_positions
from attnc.runtime.calls.inputs import bind_inputs
from attnc.runtime.calls.row import Row
from attnc.runtime.calls.sets import Lists, check_sets

INTEGERS = (torch.int32, torch.int64)


@dataclass(frozen=True, slots=True)
class Call:
    """A checked call of S sequences.

    `q` [B, Hq, Nq, D], `k` [B, Hkv, Nk, D], `v` [B, Hkv, Nk, Dv] are views of what was given; B is
    S, or 1 for a packed call. `rows` has one `Row` for each sequence, with `k_start >= 0`.
    `tensors` are the inputs as [B, axes...], B being 1 where they carry no batch; int32 or the
    dtype of the arithmetic. `grid` are the extents of the axes, where the spec has a grid; `lists`
    those of the run-time sets (see `lists.with_sets`).
    """

    q: Tensor
    k: Tensor
    v: Tensor
    rows: list[Row]
    scale: float
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, float]
    packed: bool
    grid: tuple[int, ...] = ()
    lists: Mapping[str, Lists] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to compute: no sequence, head, row or column of values."""
        return 0 in (*self.q.shape[:3], *self.k.shape[1:3], self.v.shape[3])


def check_types(**given: Any) -> None:
    """Refuse what is no tensor, by name; only q, k and v must be given."""
    for name, value in given.items():
        optional = value is None and name not in ("q", "k", "v")
        if not optional and not isinstance(value, Tensor):
            raise DtypeMismatch(name, "a tensor", type(value).__name__)


def bind_call(
    bound: Bound,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    layout: str = "bhsd",
    scale: float | None = None,
    q_start: int | Tensor | None = None,
    k_start: int | Tensor | None = None,
    cu_seqlens: Tensor | None = None,
    kv_len: Tensor | None = None,
    grid: Sequence[int] | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> Call:
    """Check a call of a spec and bring it to its one form.

    Raises `ShapeMismatch`, `DtypeMismatch`, `InvalidValue`, `MissingInput` or `UnknownArgument`,
    naming the argument, what was given and what was expected.
    """
    packed = cu_seqlens is not None
    q, k, v = (heads_first(n, x, layout, packed) for n, x in (("q", q), ("k", k), ("v", v)))
    _check_tensors(q, k, v)
    extents = check_grid(bound, grid, (q.shape[2], k.shape[2]), inputs)
    if extents:
        refuse_positions(q_start=q_start, k_start=k_start, cu_seqlens=cu_seqlens, kv_len=kv_len)
    if cu_seqlens is not None:
        rows = packed_rows(cu_seqlens, q, k, q_start, k_start, kv_len)
    else:
        rows = batch_rows(bound.cross, q, k, q_start, k_start, kv_len)
    tensors, numbers = bind_inputs(bound, inputs or {}, q, k)
    factor = 1 / math.sqrt(max(q.shape[3], 1)) if scale is None else float(scale)
    rows = [left_aligned(row) for row in rows]
    check_sets(bound, inputs or {}, q, k, len(rows))
    return Call(q, k, v, rows, factor, tensors, numbers, packed, extents)


def heads_first(name: str, x: Tensor, layout: str, packed: bool) -> Tensor:
    """A view as [B, H, N, D], of a tensor in the layout or of a packed [total, H, D]."""
    if packed and x.dim() == 3:
        return x.transpose(0, 1).unsqueeze(0)
    if x.dim() != 4:
        axes = "[B, H, N, D]" if layout == "bhsd" else "[B, N, H, D]"
        expected = f"{axes} or, packed, [total, H, D]" if packed else axes
        raise ShapeMismatch(name, expected, tuple(x.shape))
    return x.transpose(1, 2) if layout == "bshd" else x


def as_given(x: Tensor, like: Tensor, layout: str) -> Tensor:
    """The way back: a [B, H, N, D] in the layout and dtype of a tensor that was given."""
    if like.dim() == 3:
        x = x.squeeze(0).transpose(0, 1)
    elif layout == "bshd":
        x = x.transpose(1, 2)
    return x.to(like.dtype)


def _check_tensors(q: Tensor, k: Tensor, v: Tensor) -> None:
    """Shapes that fit, one dtype, one device, columns side by side in memory."""
    batch, heads, _, columns = q.shape
    kv_heads, keys = k.shape[1], k.shape[2]
    if tuple(k.shape) != (batch, kv_heads, keys, columns):
        expected = f"batch {batch} and {columns} columns, as q has"
        raise ShapeMismatch("k", expected, tuple(k.shape))
    if tuple(v.shape[:3]) != (batch, kv_heads, keys):
        expected = f"batch {batch}, {kv_heads} heads and {keys} rows, as k has"
        raise ShapeMismatch("v", expected, tuple(v.shape))
    if kv_heads == 0 or heads % kv_heads:
        expected = f"a number of heads that divides the {heads} of q"
        raise ShapeMismatch("k", expected, tuple(k.shape))
    for name, x in (("k", k), ("v", v)):
        if x.dtype != q.dtype:
            raise DtypeMismatch(name, f"{q.dtype}, as q has", str(x.dtype))
        if x.device != q.device:
            raise DtypeMismatch(name, f"device {q.device}, as q has", f"on {x.device}")
    for name, x in (("q", q), ("k", k), ("v", v)):
        if x.shape[3] > 1 and x.stride(3) != 1:
            expected = f"a last axis of stride 1, not {x.stride(3)}: pass {name}.contiguous()"
            raise ShapeMismatch(name, expected, tuple(x.shape))


def batch_rows(
    cross: bool,
    q: Tensor,
    k: Tensor,
    q_start: int | Tensor | None,
    k_start: int | Tensor | None,
    kv_len: Tensor | None,
) -> list[Row]:
    """The rows of a batch: the queries are the last positions, or (`cross`) both start at 0."""
    batch, queries, keys = q.shape[0], q.shape[2], k.shape[2]
    starts = per_entry("k_start", 0 if k_start is None else k_start, batch)
    lengths = per_entry("kv_len", keys if kv_len is None else kv_len, batch)
    if lengths and not 0 <= min(lengths) <= max(lengths) <= keys:
        raise InvalidValue("kv_len", f"lengths from 0 to the {keys} rows of k", str(lengths[:8]))
    if q_start is not None:
        positions = per_entry("q_start", q_start, batch)
    else:
        positions = [0 if cross else start + keys - queries for start in starts]
    return [
        Row(0, 0, position, start, queries, length)
        for position, start, length in zip(positions, starts, lengths, strict=True)
    ]


def packed_rows(
    cu_seqlens: Tensor,
    q: Tensor,
    k: Tensor,
    q_start: int | Tensor | None,
    k_start: int | Tensor | None,
    kv_len: Tensor | None,
) -> list[Row]:
    """The rows of packed sequences: each is a call of its own, with as many queries as keys."""
    given = {"q_start": q_start, "k_start": k_start, "kv_len": kv_len}
    for name, value in given.items():
        if value is not None and (isinstance(value, Tensor) or value):
            raise InvalidValue(name, "nothing together with `cu_seqlens`", "given")
    total = q.shape[2]
    if q.shape[0] != 1 or k.shape[2] != total:
        raise ShapeMismatch("k", f"one packed entry of {total} rows, as q has", tuple(k.shape))
    if cu_seqlens.dtype not in INTEGERS:
        raise DtypeMismatch("cu_seqlens", "int32", str(cu_seqlens.dtype))
    if cu_seqlens.dim() != 1 or cu_seqlens.numel() < 1:
        raise ShapeMismatch("cu_seqlens", "[S + 1]", tuple(cu_seqlens.shape))
    ends = cu_seqlens.tolist()
    lengths = [end - first for first, end in pairwise(ends)]
    if ends[0] != 0 or ends[-1] != total or min(lengths, default=0) < 0:
        raise InvalidValue("cu_seqlens", f"offsets that rise from 0 to {total}", str(ends[:8]))
    return [Row(first, first, 0, 0, n, n) for first, n in zip(ends, lengths, strict=False)]


def left_aligned(row: Row) -> Row:
    """The same with `k_start >= 0`: keys at negative positions (left padding) do not exist."""
    if row.k_start >= 0:
        return row
    padding = min(-row.k_start, row.k_len)
    return row._replace(k_row=row.k_row + padding, k_start=0, k_len=row.k_len - padding)


def per_entry(name: str, value: int | Tensor, batch: int) -> list[int]:
    """An int, or int32 [B], as one int for each entry."""
    if not isinstance(value, Tensor):
        return [int(value)] * batch
    if value.dtype not in INTEGERS:
        raise DtypeMismatch(name, "int32", str(value.dtype))
    if value.dim() > 1 or value.numel() not in (1, batch):
        raise ShapeMismatch(name, f"[{batch}], one for each batch entry", tuple(value.shape))
    found: list[int] = value.reshape(-1).tolist()
    return found * batch if len(found) == 1 else found


__all__ = ["Call", "MissingInput", "Row", "bind_call", "check_types"]
