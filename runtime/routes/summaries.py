"""One vector for each unit of keys, in memory linear in the keys."""

import torch
from torch import Tensor

from attnc.runtime.routes.frame import Frame


def pooled(at: Frame) -> Tensor:
    """[Hs, U, D], or [Hs, U, 2 D] of the least and the greatest; Hs is Hkv, H or 1.

    Units without keys have zeros.
    """
    route = at.route
    of = at.k if route.source is None else at.tensor(route.source)
    of = of if of.dim() == 3 else of.unsqueeze(-1)
    if route.label is not None:
        return _of_clusters(at, of)
    if route.units == "token" and route.summary != "minmax":
        ahead = of.new_zeros(of.shape[0], at.units - of.shape[1], of.shape[2])
        return torch.cat([ahead, of], 1) if ahead.shape[1] else of
    return _of_blocks(at, of)


def _of_blocks(at: Frame, of: Tensor) -> Tensor:
    """Whole units as windows of a view, the short ones at the ends one by one."""
    size, stride, row = at.route.size, at.route.stride, at.row
    width = of.shape[2] * (2 if at.route.summary == "minmax" else 1)
    found = of.new_zeros(of.shape[0], at.units, width)
    first = -(-row.k_start // stride)
    end = max((row.k_start + row.k_len - size) // stride + 1, first)
    if end > first:
        rows = of[:, first * stride - row.k_start : (end - 1) * stride + size - row.k_start]
        if size == stride:
            windows = rows.reshape(len(rows), -1, size, rows.shape[2])
        else:
            windows = rows.unfold(1, size, stride).transpose(2, 3)
        found[:, first:end] = _reduced(at.route.summary, windows)
    lowest = max((row.k_start - size) // stride + 1, 0)  # units before have no keys
    for unit in (*range(lowest, min(first, at.units)), *range(end, at.units)):
        begin = unit * stride - row.k_start
        window = of[:, max(begin, 0) : max(begin + size, 0)]
        if window.shape[1]:
            found[:, unit] = _reduced(at.route.summary, window.unsqueeze(1))[:, 0]
    return found


def _reduced(kind: str, x: Tensor) -> Tensor:
    """[H, U, keys, D] to [H, U, D]."""
    match kind:
        case "max":
            return x.amax(2)
        case "minmax":
            return torch.cat([x.amin(2), x.amax(2)], -1)
        case "first":
            return x[:, :, 0]
        case "last":
            return x[:, :, -1]
        case "mean_sqrt":
            return torch.mul(x.mean(2), x.shape[2] ** 0.5)
        case _:
            return x.mean(2)


def _of_clusters(at: Frame, of: Tensor) -> Tensor:
    """Units of labels: sums, extremes or chosen rows by label."""
    kind = at.route.summary
    heads = max(of.shape[0], at.labels.shape[0])
    if heads > 1 and of.shape[0] not in (1, heads):
        of = of.repeat_interleave(heads // of.shape[0], 0)
    of = of.expand(heads, -1, -1)
    labels = at.labels.expand(heads, -1)
    if kind in ("first", "last"):
        rows = at.spans[0 if kind == "first" else 1].expand(heads, -1)
        rows = rows.clamp(0, max(at.row.k_len - 1, 0))
        return of.gather(1, rows.unsqueeze(-1).expand(-1, -1, of.shape[2]))
    if kind == "minmax":
        return torch.cat([_by_label(of, labels, at.units, how) for how in ("amin", "amax")], -1)
    if kind == "max":
        return _by_label(of, labels, at.units, "amax")
    total = _by_label(of, labels, at.units, "sum")
    counts = _by_label(of.new_ones(heads, of.shape[1], 1), labels, at.units, "sum").clamp_min(1)
    return torch.div(total, counts.sqrt() if kind == "mean_sqrt" else counts)


def _by_label(of: Tensor, labels: Tensor, units: int, how: str) -> Tensor:
    """Rows [H, Nk, D] reduced by label to [H, units, D]; rows of negative labels are left out."""
    found: Tensor = of.new_zeros(of.shape[0], units + 1, of.shape[2])
    places = (labels.clamp_min(-1) + 1).unsqueeze(-1).expand_as(of)
    found = found.scatter_reduce(1, places, of, how, include_self=how == "sum")
    return found[:, 1:]
