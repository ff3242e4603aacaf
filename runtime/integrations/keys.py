"""Where queries and keys stand in their sequences: what remains of a padding mask, in O(batch)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from attnc.runtime.integrations.errors import PaddingWithHoles


@dataclass(frozen=True, slots=True)
class Keys:
    """The position arguments of one operator call, made once per model call for all its layers.

    It travels where transformers expects a mask tensor, so it answers the two questions that are
    asked of one on the way: `ndim`, by which a finished mask is told from a padding mask, and
    `contiguous()`. `window` is how many keys a query still finds where the cache drops old ones.
    """

    arguments: dict[str, Any]
    window: int | None = None
    ndim: ClassVar[int] = 4

    def contiguous(self) -> Self:
        """Return itself."""
        return self


@dataclass(frozen=True, slots=True)
class Extent:
    """The rows of one attention call: `q_len` queries from position `q_offset`, and keys alike.

    `rows` of the `k_len` key rows hold a token; a static cache has free rows behind them.
    """

    q_len: int
    k_len: int
    q_offset: int
    k_offset: int
    rows: int

    @property
    def is_default(self) -> bool:
        """Whether an operator called without positions would assume these."""
        aligned = self.q_offset == self.k_len - self.q_len
        return aligned and self.k_offset == 0 and self.rows == self.k_len

    @property
    def window(self) -> int | None:
        """How many keys the first query finds, itself included, if older ones were dropped."""
        return self.k_len - self.q_len + 1 if self.k_offset else None


def unpadded(extent: Extent, batch: int) -> Keys | None:
    """Positions of a batch without padding; None where they are an operator's defaults."""
    if extent.is_default:
        return None
    arguments: dict[str, Any] = {"q_start": extent.q_offset, "k_start": extent.k_offset}
    if extent.rows < extent.k_len:
        arguments["kv_len"] = torch.full((batch,), extent.rows, dtype=torch.int32)
    return Keys(arguments, extent.window)


def padded(extent: Extent, padding: Tensor) -> Keys | None:
    """Positions of a padded batch: each sequence counts from its first real token.

    `padding` is bool [batch, columns], true for real tokens, its columns being positions from 0.
    Left padding becomes a negative `k_start`, since keys at negative positions do not exist; right
    padding becomes `kv_len`. Raises `PaddingWithHoles` where real tokens are not one run.
    """
    end = extent.k_offset + extent.rows
    real = pad(padding[:, :end], (0, max(0, end - padding.shape[1]))).bool()
    first, last = _runs(real)
    if not bool(first.any()) and bool((last == end).all()):
        return unpadded(extent, len(real))
    arguments: dict[str, Any] = {
        "q_start": extent.q_offset - first,
        "k_start": extent.k_offset - first,
    }
    if not bool((last == extent.k_offset + extent.k_len).all()):
        arguments["kv_len"] = (last - extent.k_offset).clamp(min=0)
    return Keys(arguments, extent.window)


def packed(sequence_of_token: Tensor) -> Keys:
    """Cumulative lengths of the sequences in one row of tokens, from the sequence of each token."""
    starts = torch.diff(sequence_of_token).ne(0).nonzero().flatten() + 1
    ends = starts.new_tensor([0]), starts, starts.new_tensor([sequence_of_token.numel()])
    return Keys({"cu_seqlens": torch.cat(ends).int()})


def _runs(real: Tensor) -> tuple[Tensor, Tensor]:
    """First and last-plus-one column of the real tokens of each row, as int32 [batch]."""
    columns = torch.arange(real.shape[1], device=real.device)
    first = real.int().argmax(dim=1)
    last = first + real.sum(dim=1)
    inside = (columns >= first[:, None]) & (columns < last[:, None])
    wrong = (real != inside).any(dim=1)
    if bool(wrong.any()):
        raise PaddingWithHoles(int(wrong.int().argmax()))
    return first.int(), last.int()
