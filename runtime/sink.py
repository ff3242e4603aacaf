"""Normalisers with an extra term in the denominator that has no value: softmax1, sink logits.

With weights exp(s - lse) of the plain softmax, a term exp(z) more divides every row by
1 + exp(z - lse). So a row is a plain softmax's times sigmoid(lse - z), and the log of its
denominator is log(exp(lse) + exp(z)): exact, for every kernel, and differentiable through both of
its results.
(Miller 2023, "Attention is off by one"; OpenAI 2025, gpt-oss.)
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from attnc.compiler.inline import sink_expression
from attnc.dsl.program import Bound
from attnc.runtime.torch_functions import head_function


def add_sink(
    bound: Bound, out: Tensor, lse: Tensor, kv_heads: int, inputs: Mapping[str, Any], layout: str
) -> tuple[Tensor, Tensor]:
    """Outputs and lse [B, H, Nq] (packed: [H, total]) with the term of the bound's sink."""
    heads = lse.shape[-2]
    sink = sink_expression(bound, heads, kv_heads)
    if sink is None:
        return out, lse
    batch = lse.shape[0] if lse.dim() == 3 else 1
    h = torch.arange(heads, device=lse.device)[:, None]
    b = torch.arange(batch, device=lse.device)[:, None, None]
    found = head_function(bound, sink, heads, inputs)(b, h)
    z = torch.as_tensor(found, dtype=lse.dtype, device=lse.device).expand(batch, heads, 1)
    z = z if lse.dim() == 3 else z[0]
    weight = torch.sigmoid(lse - z)
    if layout == "bshd" or lse.dim() == 2:
        weight = weight.transpose(-2, -1)
    return out * weight.unsqueeze(-1).to(out.dtype), torch.logaddexp(lse, z)
