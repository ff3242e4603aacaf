"""What bounds of the run-time tensors say of tiles: whether a pair may be in, whether all are."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attnc.compiler import fold
from attnc.compiler.intervals import MAYBE, bound
from attnc.dsl.syntax import Expr
from attnc.runtime.flex.pattern import Pattern, names_in
from attnc.runtime.torch_functions import tile_function


@dataclass(frozen=True, slots=True)
class Tiles:
    """Some tiles of one batch entry: their heads, rows and columns, int64 [n]."""

    entry: int
    sizes: tuple[int, int]
    head: Tensor
    row: Tensor
    column: Tensor


def verdicts(pattern: Pattern, tiles: Tiles) -> tuple[Tensor, Tensor]:
    """Whether a pair of a tile may be in the pattern, and whether all are; bool [n] each."""
    verdict = bound(pattern.condition) if _has_bounds(pattern) else MAYBE
    return _holds(verdict.possible, pattern, tiles), _holds(verdict.certain, pattern, tiles)


def _has_bounds(pattern: Pattern) -> bool:
    """Whether the ends of a tensor bound its items: no table, and no NaN, which has no place."""
    used = names_in(pattern.condition) & pattern.inputs.keys()
    return not any(
        "d" in pattern.bound.inputs[name].axes
        or bool(torch.as_tensor(pattern.inputs[name]).isnan().any())
        for name in used
    )


def _holds(expr: Expr, pattern: Pattern, tiles: Tiles) -> Tensor:
    known = _ends(pattern, tiles)
    names = sorted((fold.names(expr) | {"b"}) & known.keys())
    test = tile_function(
        pattern.bound, pattern.rows, pattern.heads or 0, pattern.inputs, expr, names
    )
    found = test(*(known[name] for name in names))
    return torch.as_tensor(found).expand(tiles.head.shape)


def _ends(pattern: Pattern, tiles: Tiles) -> dict[str, Tensor]:
    """The least and the greatest position in each tile, and item of each input that is read."""
    rows = pattern.rows
    found = {"h": tiles.head, "b": torch.full_like(tiles.head, tiles.entry)}
    sides = ((tiles.row, rows.q_start, rows.q_len), (tiles.column, rows.k_start, rows.k_len))
    for axis, size, (place, start, length) in zip("qk", tiles.sizes, sides, strict=True):
        found[f"{axis}_low"] = start + place * size
        found[f"{axis}_high"] = start + ((place + 1) * size).clamp(max=length) - 1
        for name, declared in pattern.bound.inputs.items():
            if name in pattern.inputs and {axis, "token"} & {*declared.axes}:
                low, high = _input_ends(pattern, tiles, name, axis, size)
                found[f"{name}_{axis}_low"], found[f"{name}_{axis}_high"] = low, high
    return found


def _input_ends(
    pattern: Pattern, tiles: Tiles, name: str, axis: str, size: int
) -> tuple[Tensor, Tensor]:
    """The least and the greatest item that each tile reads along an axis."""
    rows, x, axes = pattern.rows, pattern.inputs[name], pattern.bound.inputs[name].axes
    if x.dim() > len(axes):
        x = x[tiles.entry if x.shape[0] > 1 else 0]
    elif axes[0] == "b":
        x, axes = x[tiles.entry], axes[1:]
    length = rows.q_len if axis == "q" else rows.k_len
    count = -(-length // size)
    read = torch.arange(count * size).clamp(max=length - 1)
    if axis == "q" and axes[-1] == "token":
        read = (read + rows.q_start - rows.k_start).clamp(0, rows.k_len - 1)
    groups = x[..., read].unflatten(-1, (count, size))
    places = []
    for label, extent in zip(axes, x.shape, strict=True):
        if label == "h":
            places.append(tiles.head)
        elif label == "hkv":
            places.append(tiles.head // ((pattern.heads or 1) // extent))
        else:
            places.append(tiles.row if axis == "q" else tiles.column)
    return groups.amin(-1)[tuple(places)], groups.amax(-1)[tuple(places)]
