"""The steps of a spec in plain torch, in the dtype of its tensors: the yardstick of `verify`."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.branch import Part
from attnc.dsl.program import Bound
from attnc.runtime.composed.attend import attend
from attnc.runtime.eager import eager

KEYWORDS = ("scale", "q_start", "k_start", "cu_seqlens", "kv_len", "grid")


def eager_steps(
    bound: Bound, q: Tensor, k: Tensor, v: Tensor, inputs: Mapping[str, Any], **keywords: Any
) -> tuple[Tensor, Tensor]:
    """As `eager`, for any spec; the lse of a sum of branches is NaN."""
    if not bound.composite:
        return eager(bound, q, k, v, inputs, **keywords)
    where = {name: keywords.get(name) for name in KEYWORDS}
    where["k_start"] = where["k_start"] or 0

    def run(
        part: Part, q: Tensor, k: Tensor, v: Tensor, own: dict[str, Any], values: dict[str, Any]
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        return (*eager(part.bound, q, k, v, values, **own), {})

    out, lse, _ = attend(bound, (q, k, v), where, inputs, "bhsd", run)
    return out, torch.full_like(out[..., 0], torch.nan) if lse is None else lse
