"""The grid of a call: its extents against the spec and the tensors."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.errors import GridMissing, InvalidGrid, InvalidValue, ShapeMismatch
from attnc.dsl.program import Bound


def check_grid(
    bound: Bound,
    grid: Sequence[int] | None,
    tokens: tuple[int, int] | None,
    inputs: Mapping[str, Any] | None = None,
) -> tuple[int, ...]:
    """The extents of all axes, () where the spec has no grid.

    A spec whose extents are all constants needs none given. `tokens` are the lengths of q and k,
    which the points and the segments, whose lengths are among `inputs`, fill.
    Raises `GridMissing`, `InvalidGrid` or `ShapeMismatch`, naming what was expected.
    """
    if not bound.grid:
        if grid is not None:
            raise InvalidGrid("grid", "none, as the spec declares no grid", str(tuple(grid)))
        return ()
    constants = tuple(extent for _, extent in bound.grid if isinstance(extent, int))
    axes = f"({', '.join(f'{extent}' for _, extent in bound.grid)})"
    if grid is None:
        if len(constants) < len(bound.grid):
            raise GridMissing(axes)
        grid = constants
    found = tuple(grid) if isinstance(grid, Sequence) else (grid,)
    if len(found) != len(bound.grid) or not all(map(_is_extent, found)):
        raise InvalidGrid("grid", f"a positive extent for each of {axes}", str(found))
    for (name, extent), given in zip(bound.grid, found, strict=True):
        if isinstance(extent, int) and extent != given:
            raise InvalidGrid("grid", f"the extent {extent} of axis `{name}`", str(found))
    _check_same(bound, found)
    if tokens is not None:
        _check_tokens(found, segment_lengths(bound, inputs or {}), tokens)
    return found


def _check_tokens(
    grid: tuple[int, ...], segments: Mapping[str, int], tokens: tuple[int, int]
) -> None:
    """Queries and keys are all points of the grid and all tokens of the segments."""
    points = math.prod(grid)
    beside = "".join(f" and {n} of `{name}`" for name, n in segments.items())
    for operand, length in zip("qk", tokens, strict=True):
        if length != points + sum(segments.values()):
            expected = f"{points} rows, the points of the grid {grid}{beside}"
            raise ShapeMismatch(operand, expected, (length,))


def segment_lengths(bound: Bound, inputs: Mapping[str, Any]) -> dict[str, int]:
    """The number of tokens of each segment, 0 where none is given. Raises `InvalidValue`."""
    found: dict[str, int] = {}
    for name, length in bound.segments:
        given = length if isinstance(length, int) else inputs.get(name, 0)
        if isinstance(given, bool) or not isinstance(given, int) or given < 0:
            raise InvalidValue(name, "a number of tokens, at least 0", f"{given!r:.40}")
        found[name] = given
    return found


def _is_extent(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def tokens_of(
    grid: tuple[int, ...], *given: int | None, segments: Mapping[str, int] | None = None
) -> int:
    """The number of tokens of a grid and segments; a length that is given too must be that."""
    beside = sum((segments or {}).values())
    tokens = math.prod(grid) + beside
    for length in given:
        if length not in (None, tokens):
            expected = f"{tokens}, the points of the grid {grid}"
            raise InvalidValue("seq", expected + " and the segments" * bool(beside), str(length))
    return tokens


def fitted(bound: Bound, grid: Sequence[int] | None, usual: Sequence[int]) -> tuple[int, ...]:
    """The extents given, checked; else usual ones.

    Where the spec has constants these stay, and axes of one name have one extent.
    """
    if not bound.grid or grid is not None:
        return check_grid(bound, grid, None)
    named: dict[str, int] = {}
    return tuple(
        extent if isinstance(extent, int) else named.setdefault(extent, size)
        for (_, extent), size in zip(bound.grid, usual, strict=True)
    )


def _check_same(bound: Bound, grid: tuple[int, ...]) -> None:
    """Axes whose extent has one name have one extent."""
    seen: dict[str, int] = {}
    for (_, extent), given in zip(bound.grid, grid, strict=True):
        if isinstance(extent, str) and seen.setdefault(extent, given) != given:
            raise InvalidGrid("grid", f"one value of `{extent}` for all axes", str(grid))


def named_extents(bound: Bound, grid: tuple[int, ...]) -> dict[str, int]:
    """The extents that formulas can read, by name."""
    axes = zip(bound.grid, grid, strict=False)
    return {extent: given for (_, extent), given in axes if isinstance(extent, str)}


def at_extents(bound: Bound, grid: Sequence[int]) -> Bound:
    """The spec for these extents alone: their names become constants."""
    known = named_extents(bound, check_grid(bound, grid, None))
    return replace(bound, values={**bound.values, **known})


def refuse_positions(**given: int | Tensor | None) -> None:
    """A grid says where every token is: nothing else may."""
    for name, value in given.items():
        zero = value is None or (isinstance(value, int) and value == 0)
        if not zero and not (isinstance(value, Tensor) and not torch.any(value)):
            raise InvalidValue(name, "nothing for a spec with a grid", "a position or a length")
