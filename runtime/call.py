"""The checks on one call, and the call in the one form that kernels and the oracle share."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.errors import DtypeMismatch, MissingInput, ShapeMismatch, UnknownArgument
from attnc.dsl.program import Bound
from attnc.runtime.inputs import bind_inputs

INTEGERS = (torch.int32, torch.int64)


@dataclass(frozen=True, slots=True)
class Call:
    """A checked call of S sequences.

    `q` [B, Hq, Nq, D], `k` [B, Hkv, Nk, D], `v` [B, Hkv, Nk, Dv] are views of what was given; B is
    S, or 1 for a packed call. `rows` is int32 [S, 6]: `q_row, k_row, q_start, k_start, q_len,
    k_len` of each sequence, with `k_start >= 0`. `tensors` are the inputs as [B, axes...], B being
    1 where they carry no batch; int32 or float32.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    rows: Tensor
    scale: float
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, float]
    packed: bool


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
    inputs: Mapping[str, Any] | None = None,
) -> Call:
    """Check a call of a spec and bring it to its one form.

    Raises `ShapeMismatch`, `DtypeMismatch`, `MissingInput` or `UnknownArgument`, naming the
    argument, what was given and what was expected.
    """
    packed = cu_seqlens is not None
    q, k, v = (heads_first(n, x, layout, packed) for n, x in (("q", q), ("k", k), ("v", v)))
    _check_tensors(q, k, v)
    if cu_seqlens is not None:
        rows = packed_rows(cu_seqlens, q, k, q_start, k_start, kv_len)
    else:
        rows = batch_rows(bound.cross, q, k, q_start, k_start, kv_len)
    tensors, numbers = bind_inputs(bound, inputs or {}, q, k)
    factor = 1 / math.sqrt(max(q.shape[3], 1)) if scale is None else float(scale)
    return Call(q, k, v, left_aligned(rows), factor, tensors, numbers, packed)


def heads_first(name: str, x: Tensor, layout: str, packed: bool) -> Tensor:
    """A view as [B, H, N, D], of a tensor in the layout or of a packed [total, H, D]."""
    if packed and x.dim() == 3:
        return x.transpose(0, 1).unsqueeze(0)
    if x.dim() != 4:
        axes = "[B, H, N, D]" if layout == "bhsd" else "[B, N, H, D]"
        expected = f"{axes} or, packed, [total, H, D]" if packed else axes
        raise ShapeMismatch(name, expected, tuple(x.shape))
    return x.transpose(1, 2) if layout == "bshd" else x


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
) -> Tensor:
    """The rows of a batch: the queries are the last positions, or (`cross`) both start at 0."""
    batch, queries, keys = q.shape[0], q.shape[2], k.shape[2]
    starts = per_entry("k_start", 0 if k_start is None else k_start, batch)
    if q_start is not None:
        positions = per_entry("q_start", q_start, batch)
    else:
        positions = torch.zeros_like(starts) if cross else starts + (keys - queries)
    lengths = per_entry("kv_len", keys if kv_len is None else kv_len, batch)
    if bool(((lengths < 0) | (lengths > keys)).any()):
        raise ShapeMismatch("kv_len", f"lengths from 0 to the {keys} rows of k", _values(lengths))
    zero = torch.zeros_like(starts)
    return torch.stack(
        [zero, zero, positions, starts, torch.full_like(starts, queries), lengths], dim=1
    )


def packed_rows(
    cu_seqlens: Tensor,
    q: Tensor,
    k: Tensor,
    q_start: int | Tensor | None,
    k_start: int | Tensor | None,
    kv_len: Tensor | None,
) -> Tensor:
    """The rows of packed sequences: each is a call of its own, with as many queries as keys."""
    given = {"q_start": q_start, "k_start": k_start, "kv_len": kv_len}
    for name, value in given.items():
        if value is not None and (isinstance(value, Tensor) or value):
            raise UnknownArgument(f"{name} together with cu_seqlens", ("cu_seqlens",))
    total = q.shape[2]
    if q.shape[0] != 1 or k.shape[2] != total:
        raise ShapeMismatch("k", f"one packed entry of {total} rows, as q has", tuple(k.shape))
    if cu_seqlens.dim() != 1 or cu_seqlens.numel() < 1 or cu_seqlens.dtype not in INTEGERS:
        raise ShapeMismatch("cu_seqlens", "int32 [S + 1]", tuple(cu_seqlens.shape))
    ends = cu_seqlens.to(torch.int32).cpu()
    lengths = ends.diff()
    if int(ends[0]) != 0 or int(ends[-1]) != total or bool((lengths < 0).any()):
        expected = f"offsets that rise from 0 to {total}"
        raise ShapeMismatch("cu_seqlens", expected, _values(ends))
    first, zero = ends[:-1], torch.zeros_like(lengths)
    return torch.stack([first, first, zero, zero, lengths, lengths], dim=1)


def left_aligned(rows: Tensor) -> Tensor:
    """The same call with `k_start >= 0`: keys at negative positions (left padding) do not exist."""
    padding = (-rows[:, 3]).clamp(min=0)
    if not bool(padding.any()):
        return rows.contiguous()
    padding = torch.minimum(padding, rows[:, 5])
    columns = list(rows.unbind(1))
    columns[1], columns[5] = columns[1] + padding, columns[5] - padding
    columns[3] = (columns[3] + padding).clamp(min=0)
    return torch.stack(columns, dim=1)


def per_entry(name: str, value: int | Tensor, batch: int) -> Tensor:
    """An int, or int32 [B], as int32 [B] on the CPU."""
    if not isinstance(value, Tensor):
        return torch.full((batch,), int(value), dtype=torch.int32)
    if value.dtype not in INTEGERS:
        raise DtypeMismatch(name, "int32", str(value.dtype))
    if value.dim() > 1 or value.numel() not in (1, batch):
        raise ShapeMismatch(name, f"[{batch}], one for each batch entry", tuple(value.shape))
    return value.detach().to("cpu", torch.int32).reshape(-1).expand(batch).contiguous()


def _values(x: Tensor) -> tuple[int, ...]:
    return tuple(int(value) for value in x[:8])


__all__ = ["Call", "MissingInput", "bind_call"]
