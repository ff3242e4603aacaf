"""Gated attention (Qiu et al. 2025): softmax attention times a sigmoid, per head and query."""

import torch
from torch import Tensor


def attention(q: Tensor, k: Tensor, v: Tensor, gate: Tensor) -> Tensor:
    """[N, Dv] of one head; `gate` is [N]."""
    n = len(q)
    scores = (q @ k.T / q.shape[1] ** 0.5).masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf)
    return torch.softmax(scores, 1) @ v / (1 + torch.exp(-gate))[:, None]
