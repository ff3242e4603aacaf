"""The tiles of one call's pattern, those that run-time tensors decide among them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from attnc.compiler.listing import Array
from attnc.compiler.relation import relation
from attnc.compiler.sets import guard
from attnc.compiler.tile_lists import OPERATIONS, TileList, list_tiles
from attnc.runtime.flex.bounds import Tiles, verdicts
from attnc.runtime.flex.pattern import Pattern

PAIRS = 1 << 22  # tested at once where bounds of a tile leave it open


def tiles_of(pattern: Pattern, tile_q: int, tile_k: int) -> Iterator[TileList]:
    """The tiles of each batch entry; raises `AnalysisTooComplex` for a pattern beyond isl."""
    floats = frozenset(n for n, i in pattern.bound.inputs.items() if i.dtype == "float")
    with guard(OPERATIONS):
        found = relation(pattern.condition, pattern.heads, floats)
    rows = pattern.rows
    values = {
        "q_start": rows.q_start,
        "k_start": rows.k_start,
        "q_len": rows.q_len,
        "k_len": rows.k_len,
        **{name: int(pattern.inputs[name]) for name in found.runtime},
    }
    listed = None
    for entry in range(pattern.entries):
        own = {"b": entry} if found.uses_batch else {}
        if listed is None or own:
            listed = list_tiles(found, tile_q, tile_k, **values, **own)
        yield listed if listed.exact else _decided(pattern, listed, entry, (tile_q, tile_k))


def _decided(pattern: Pattern, listed: TileList, entry: int, sizes: tuple[int, int]) -> TileList:
    """The tiles that are live, and full, for the tensors of one batch entry: exactly.

    Bounds of what the tensors hold settle most tiles; the pairs of the others are tested.
    """
    tiles = _tiles(listed, listed.partial, entry, sizes)
    possible, certain = verdicts(pattern, tiles)
    rows = pattern.rows
    whole = (tiles.row + 1) * sizes[0] <= rows.q_len
    whole &= (tiles.column + 1) * sizes[1] <= rows.k_len
    live, full = possible.clone(), certain & whole
    for part in _portions(live & ~full, sizes):
        pairs = _pairs(pattern, tiles, part)
        live[part] = pairs.any(dim=(1, 2))
        full[part] = pairs.all(dim=(1, 2))
    more = np.concatenate([listed.full, listed.partial[full.numpy()]])
    left = listed.partial[(live & ~full).numpy()]
    return replace(listed, partial=left, full=more, exact=True)


def _pairs(pattern: Pattern, tiles: Tiles, chosen: Tensor) -> Tensor:
    """The pairs of the chosen tiles that exist and are in the pattern, bool [n, tile_q, tile_k]."""
    rows, (tile_q, tile_k) = pattern.rows, tiles.sizes
    head, row, column = (x[chosen, None, None] for x in (tiles.head, tiles.row, tiles.column))
    i = row * tile_q + torch.arange(tile_q)[:, None]
    j = column * tile_k + torch.arange(tile_k)
    here = i.clamp(max=rows.q_len - 1), j.clamp(max=rows.k_len - 1)
    held = pattern.mask_mod()(torch.tensor(tiles.entry), head, *here)
    return (i < rows.q_len) & (j < rows.k_len) & held


def pairs_of(pattern: Pattern, listed: TileList, sizes: tuple[int, int]) -> Tensor:
    """Which pairs of each partial tile are in the pattern, bool [n, tile_q, tile_k]."""
    tiles = _tiles(listed, listed.partial, 0, sizes)
    every = torch.ones(len(listed.partial), dtype=torch.bool)
    parts = [_pairs(pattern, tiles, part) for part in _portions(every, sizes)]
    return torch.cat(parts) if parts else torch.empty(0, *sizes, dtype=torch.bool)


def _tiles(listed: TileList, place: Array, entry: int, sizes: tuple[int, int]) -> Tiles:
    places = np.unravel_index(place, listed.shape)
    return Tiles(entry, sizes, *map(torch.from_numpy, places))


def _portions(chosen: Tensor, sizes: tuple[int, int]) -> tuple[Tensor, ...]:
    """The numbers of the chosen tiles, as many at a time as memory is meant for."""
    return torch.split(torch.nonzero(chosen)[:, 0], max(1, PAIRS // (sizes[0] * sizes[1])))
