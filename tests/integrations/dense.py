"""A stand-in for a compiled operator: same call, a dense mask from the positions, torch's SDPA."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

Rule = Callable[[Tensor, Tensor], Tensor]


@dataclass
class DenseOperator:
    """Attention where `rule(q, k)` holds for positions; `calls` records the position arguments."""

    rule: Rule
    calls: list[dict[str, Any]]

    def __call__(self, q, k, v, *, scale=None, cu_seqlens=None, **positions):
        self.calls.append(positions | ({} if cu_seqlens is None else {"cu_seqlens": cu_seqlens}))
        if cu_seqlens is None:
            return self._attend(q, k, v, scale, **positions)
        ends = cu_seqlens.tolist()
        cuts = [slice(a, b) for a, b in pairwise(ends)]
        return torch.cat(
            [self._attend(*(x[:, :, cut] for x in (q, k, v)), scale) for cut in cuts], 2
        )

    def _attend(self, q, k, v, scale, q_start=None, k_start=0, kv_len=None):
        rows_q, rows_k = torch.arange(q.shape[2])[:, None], torch.arange(k.shape[2])[None, :]
        k_start = _per_batch(k_start)
        start = k_start + k.shape[2] - q.shape[2] if q_start is None else _per_batch(q_start)
        positions = start + rows_q, k_start + rows_k
        kept = self.rule(*positions) & (positions[1] >= 0)
        if kv_len is not None:
            kept = kept & (rows_k < _per_batch(kv_len))
        out = torch.nn.functional.scaled_dot_product_attention(
            q, k, v, attn_mask=kept, scale=scale, enable_gqa=True
        )
        return out.masked_fill(~kept.any(-1, keepdim=True), 0)


def _per_batch(value):
    return torch.as_tensor(value).reshape(-1, 1, 1, 1)


def full() -> DenseOperator:
    return DenseOperator(lambda q, k: (q >= q.min()) & (k >= k.min()), [])


def causal() -> DenseOperator:
    return DenseOperator(lambda q, k: k <= q, [])


def mistral(w: int) -> DenseOperator:
    return DenseOperator(lambda q, k: (k <= q) & (k > q - w), [])
