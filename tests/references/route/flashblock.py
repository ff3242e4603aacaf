"""Attention to the own block and everything before it, in two parts (FlashBlock, 2026)."""

import torch
from torch import Tensor


def attention(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    """[N, Dv] of one head, as one softmax up to the end of the own block."""
    scores = q @ k.T * q.shape[1] ** -0.5
    for t in range(len(q)):
        scores[t, (t // block + 1) * block :] = -torch.inf
    return torch.softmax(scores, 1) @ v
