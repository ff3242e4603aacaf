"""The arrays of FlashInfer's block-sparse attention, made from the tiles of a pattern."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attnc.dsl.errors import InvalidValue, NotBuiltForTarget
from attnc.runtime.flex.block_mask import block_sizes
from attnc.runtime.flex.pattern import Device, Sizes, Spec, pattern_of
from attnc.runtime.flex.tiles import pairs_of, tiles_of


@dataclass(frozen=True, slots=True)
class Bsr:
    """What `BlockSparseAttentionWrapper.plan` takes, under the names of its arguments.

    Row i of blocks has the columns `indices[indptr[i] : indptr[i + 1]]`. `indptr` is int32
    [M / R + 1], `indices` int32 [nnz]; `mask` is bool [nnz, R, C], None if all blocks are full.
    """

    indptr: Tensor
    indices: Tensor
    M: int
    N: int
    R: int
    C: int
    mask: Tensor | None

    def plan(self) -> dict[str, Any]:
        """The arguments by name: `wrapper.plan(**found.plan(), num_qo_heads=..., ...)`."""
        return {name: getattr(self, name) for name in self.__slots__}


def bsr(
    spec: Spec,
    q_len: int | None = None,
    kv_len: int | None = None,
    *,
    seq: int | None = None,
    grid: tuple[int, ...] | None = None,
    block_size: int | tuple[int, int] = 64,
    heads: int | None = None,
    kv_heads: int | None = None,
    device: Device = "cpu",
    **parameters_and_inputs: Any,
) -> Bsr:
    """The block-sparse rows of a spec, whose lengths have to be multiples of `block_size`.

    The arguments are those of `block_mask`. The wrapper has one mask for all heads and one
    sequence: `NotBuiltForTarget` otherwise. Raises `AttnError`.
    """
    sizes = Sizes(q_len, kv_len, seq, grid, heads, kv_heads)
    pattern = pattern_of(spec, sizes, parameters_and_inputs)
    block = block_sizes(block_size)
    lengths = (pattern.rows.q_len, pattern.rows.k_len)
    for name, length, size in zip(("q_len", "kv_len"), lengths, block, strict=True):
        if length % size:
            raise InvalidValue(name, f"a multiple of the block's {size}", str(length))
    (tiles, *others) = tiles_of(pattern, *block)
    if others or tiles.shape[0] > 1:
        raise NotBuiltForTarget("a mask of its own for each head or batch entry", "flashinfer")
    _, rows, columns = tiles.shape
    place = np.concatenate([tiles.partial, tiles.full])
    order = np.argsort(place)
    row, column = np.divmod(place[order], columns)
    ends = np.searchsorted(row, np.arange(rows + 1))
    mask = None
    if len(tiles.partial):
        mask = torch.ones(len(place), *block, dtype=torch.bool)
        mask[: len(tiles.partial)] = pairs_of(pattern, tiles, block)
        mask = mask[torch.from_numpy(order)].to(device)
    return Bsr(
        indptr=torch.from_numpy(ends.astype(np.int32)).to(device),
        indices=torch.from_numpy(column.astype(np.int32)).to(device),
        M=lengths[0],
        N=lengths[1],
        R=block[0],
        C=block[1],
        mask=mask,
    )
