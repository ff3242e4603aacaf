"""FlexAttention's block mask, made from the tiles of a pattern instead of from its pairs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from attnc.compiler.tile_lists import TileList
from attnc.dsl.errors import InvalidValue, NotBuiltForTarget
from attnc.runtime.flex.pattern import Device, Sizes, Spec, pattern_of
from attnc.runtime.flex.tiles import tiles_of
from attnc.runtime.torch_functions import Function

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask


def block_mask(
    spec: Spec,
    q_len: int | None = None,
    kv_len: int | None = None,
    *,
    seq: int | None = None,
    grid: tuple[int, ...] | None = None,
    block_size: int | tuple[int, int] = 128,
    heads: int | None = None,
    kv_heads: int | None = None,
    batch: int | None = None,
    device: Device = "cpu",
    **parameters_and_inputs: Any,
) -> "BlockMask":
    """The mask of a spec for `flex_attention(q, k, v, block_mask=...)`.

    It equals what `create_block_mask` finds by testing every pair. `seq` sets both lengths, `grid`
    the extents of a grid's axes; the queries are the last positions (under `cross`, both start at
    0). The mask has a batch axis and a head axis of 1 where all entries, or heads, share the
    pattern. Its `mask_mod` is for these lengths and inputs. Scores and normalisers are not in it,
    see `score_mod`. Raises `AttnError`.
    """
    from torch.nn.attention.flex_attention import BlockMask

    sizes = Sizes(q_len, kv_len, seq, grid, heads, kv_heads, batch)
    pattern = pattern_of(spec, sizes, parameters_and_inputs)
    block = block_sizes(block_size)
    tiles = list(tiles_of(pattern, *block))
    kv, full_kv, q, full_q = (
        _lists(tiles, full, transposed, device)
        for transposed in (False, True)
        for full in (False, True)
    )
    return BlockMask(
        (pattern.rows.q_len, pattern.rows.k_len),
        *kv,
        *full_kv,
        *q,
        *full_q,
        BLOCK_SIZE=block,
        mask_mod=pattern.mask_mod(device),
    )


def score_mod(
    spec: Spec,
    q_len: int | None = None,
    kv_len: int | None = None,
    *,
    seq: int | None = None,
    grid: tuple[int, ...] | None = None,
    heads: int | None = None,
    kv_heads: int | None = None,
    device: Device = "cpu",
    **parameters_and_inputs: Any,
) -> Function | None:
    """The score of a spec for `flex_attention(q, k, v, score_mod=...)`; None where it has none.

    The arguments are those of `block_mask`. Raises `NotBuiltForTarget` for a normaliser that
    FlexAttention lacks.
    """
    sizes = Sizes(q_len, kv_len, seq, grid, heads, kv_heads)
    pattern = pattern_of(spec, sizes, parameters_and_inputs, score=True)
    if pattern.bound.sink is not None:
        raise NotBuiltForTarget("a normaliser with another term", "flex")
    return pattern.score_mod(device)


def block_sizes(given: int | tuple[int, int]) -> tuple[int, int]:
    """The queries and the keys of a block."""
    found = (given, given) if isinstance(given, int) else tuple(given)
    if len(found) != 2 or not all(isinstance(n, int) and n > 0 for n in found):
        raise InvalidValue("block_size", "a positive int, or two: queries, keys", str(given))
    return found[0], found[1]


def _lists(
    tiles: Sequence[TileList], full: bool, transposed: bool, device: Device
) -> tuple[Tensor, Tensor]:
    """How many blocks each row has, int32 [B, H, rows], and which, int32 [B, H, rows, columns].

    With `transposed` the rows are of keys. What follows a row's blocks is 0.
    """
    heads, *blocks = tiles[0].shape
    shape = (len(tiles), heads, *(reversed(blocks) if transposed else blocks))
    numbers, indices = np.zeros(shape[:3], np.int32), np.zeros(shape, np.int32)
    columns = np.arange(shape[3], dtype=np.int32)
    for entry, listed in enumerate(tiles):
        chosen = np.zeros(listed.shape, np.bool_)
        chosen.ravel()[listed.full if full else listed.partial] = True
        rows = chosen.swapaxes(1, 2) if transposed else chosen
        numbers[entry] = np.count_nonzero(rows, axis=2)
        filled = columns < numbers[entry, :, :, None]
        indices[entry][filled] = np.broadcast_to(columns, rows.shape)[rows]
    return torch.from_numpy(numbers).to(device), torch.from_numpy(indices).to(device)
