"""Lists of blocks of keys from weights: what a trained soft mask leaves, as a run-time set."""

import torch
from torch import Tensor

from attnc.dsl.errors import InvalidValue


def above(weights: Tensor, block: int, least: float) -> Tensor:
    """The blocks of keys that hold a weight above `least`, for each block of queries.

    `weights` [..., Nq, Nk] gives int64 [..., ceil(Nq / block), n]: ascending, and -1 after the last
    one of a list. A spec asks `k div block in picked[q div block]`, with `h` before `q` where
    weights have heads. Raises `InvalidValue`.
    """
    if block < 1:
        raise InvalidValue("block", "a number of tokens, at least 1", str(block))
    if weights.dim() < 2:
        raise InvalidValue("weights", "[..., Nq, Nk]", f"{list(weights.shape)}")
    rows, columns = (-n % block for n in weights.shape[-2:])
    padded = torch.nn.functional.pad(weights.detach(), (0, columns, 0, rows), value=-torch.inf)
    across = padded.unfold(-2, block, block).amax(-1)
    kept = across.unfold(-1, block, block).amax(-1) > least
    places = torch.arange(kept.shape[-1]).where(kept, kept.shape[-1]).sort(-1)[0]
    found = places[..., : int(kept.sum(-1).amax()) if kept.numel() else 0]
    return found.where(found < kept.shape[-1], -1)
