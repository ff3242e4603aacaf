"""From scores and candidates to index lists: the best units, the lowest ones of equal score."""

from collections.abc import Sequence

import torch
from torch import Tensor

from attnc.runtime.routes.waiting import free

CHUNK = 1 << 22  # scores that exist at a time


def best(
    scores: Tensor,
    candidates: Tensor,
    rule: str,
    amounts: Sequence[float],
    shares: bool,
    padded: bool = False,
) -> Tensor:
    """int32 [H, C, n]: the units that each chooser takes, ascending, padded with -1.

    `scores` [H, C, U], `candidates` bool [H or 1, C, U], `amounts` one or H: numbers of units for
    `top` and `bottom`, a probability for `top_p`, the least probability for `above`. Probabilities
    are a softmax over the candidates, or (`shares`) parts of their sum. `padded` lists of
    probable units are as wide as there are units, so that nobody asks how many were taken.
    """
    worth = -scores if rule == "bottom" else scores
    worth = worth.masked_fill(~candidates, -torch.inf)
    if rule in ("top", "bottom"):
        return greatest(worth, [int(x) for x in amounts])
    return _probable(worth, rule, amounts, shares, padded)


def greatest(worth: Tensor, numbers: Sequence[int]) -> Tensor:
    """The units of the greatest numbers; minus infinity is none. `numbers` are one or H."""
    width = min(max(numbers), worth.shape[-1])
    if not width or not worth.numel():
        return torch.full((*worth.shape[:-1], 0), -1, dtype=torch.int32)
    values, places = worth.topk(width, dim=-1)
    take = (values > -torch.inf) & (torch.arange(width) < _by_head(numbers))
    cut = values.masked_fill(~take, torch.inf).amin(-1, keepdim=True)
    found = torch.where(take, places, worth.shape[-1]).sort(-1).values.int()
    found = found.masked_fill(found == worth.shape[-1], -1)
    return _settled(found, worth, cut, take.sum(-1))


def _by_head(amounts: Sequence[float]) -> Tensor | float:
    """One number, or [H, 1, 1] of them: filled in where they are, as a copy would be awaited."""
    if len(amounts) == 1:
        return amounts[0]
    return torch.stack([torch.full((1, 1), x) for x in amounts])


def _settled(found: Tensor, worth: Tensor, cut: Tensor, counts: Tensor) -> Tensor:
    """The lists with the lowest of the units that share the last score, where more do than fit."""
    tied = ((worth >= cut).sum(-1) > counts) & (counts > 0)
    if free(tied) and not bool(tied.any()):
        return found
    above, equal = worth > cut, worth == cut
    left = counts.unsqueeze(-1) - above.sum(-1, keepdim=True)
    taken = above | (equal & (equal.cumsum(-1) <= left))
    return torch.where(tied.unsqueeze(-1), to_lists(taken, found.shape[-1]), found)


def _probable(
    worth: Tensor, rule: str, amounts: Sequence[float], shares: bool, padded: bool
) -> Tensor:
    """The fewest units with a probability of `amounts` in all, or those of more each."""
    limit = _by_head(amounts)
    if rule == "above":  # needs no order
        taken = (_shares(worth, shares) > limit) & (worth > -torch.inf)
    else:
        ranked, places = worth.sort(dim=-1, descending=True, stable=True)
        share = _shares(ranked, shares)
        take = (share.cumsum(-1) - share < limit) & (ranked > -torch.inf)
        taken = torch.zeros_like(take).scatter(-1, places, take)
    if padded or not taken.numel():
        return to_lists(taken, taken.shape[-1])
    return to_lists(taken, int(taken.sum(-1).max()))


def _shares(worth: Tensor, already: bool) -> Tensor:
    """The probabilities of candidates: their softmax, or their parts of a sum."""
    if not already:
        return torch.softmax(worth, -1).nan_to_num(0.0)
    masses = worth.masked_fill(worth == -torch.inf, 0.0)
    return masses / masses.sum(-1, keepdim=True).clamp_min(torch.finfo(masses.dtype).tiny)


def to_lists(taken: Tensor, width: int) -> Tensor:
    """Bool [..., U] as int32 [..., width], ascending, padded with -1."""
    rank = taken.cumsum(-1) - 1
    found = torch.full((*taken.shape[:-1], width + 1), -1, dtype=torch.int32)
    places = torch.where(taken, rank, width).clamp_max(width)
    units = torch.arange(taken.shape[-1], dtype=torch.int32).expand(taken.shape)
    return found.scatter_(-1, places, units)[..., :width]


def widened(parts: Sequence[Tensor]) -> Tensor:
    """Lists [H, C, n] of several ranges of choosers as one [H, Nc, n]."""
    width = max((x.shape[-1] for x in parts), default=0)
    same = [torch.nn.functional.pad(x, (0, width - x.shape[-1]), value=-1) for x in parts]
    return torch.cat(same, 1)
