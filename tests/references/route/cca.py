"""Core context aware attention (Chen et al. 2024), query by query."""

import torch
from torch import Tensor


def attention(q: Tensor, k: Tensor, v: Tensor, group: int, w: int) -> Tensor:
    """[N, Dv] of one head: core tokens of groups that end before the window, and the window."""
    rows = []
    for t in range(len(q)):
        keys = [k[g * group : (g + 1) * group].mean(0) for g in range(len(k) // group)]
        values = [v[g * group : (g + 1) * group].mean(0) for g in range(len(k) // group)]
        far = [g for g in range(len(keys)) if (g + 1) * group - 1 <= t - w]
        near = range(max(0, t - w + 1), t + 1)
        seen_k = torch.stack([keys[g] for g in far] + [k[j] for j in near])
        seen_v = torch.stack([values[g] for g in far] + [v[j] for j in near])
        rows.append(torch.softmax(seen_k @ q[t] / q.shape[1] ** 0.5, 0) @ seen_v)
    return torch.stack(rows)
