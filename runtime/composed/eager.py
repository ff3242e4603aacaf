"""The steps of a spec in plain torch, in the dtype of its tensors: the yardstick of `verify`."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from attnc.compiler.segments import Step, steps_of
from attnc.dsl.branch import Part, parts
from attnc.dsl.program import Bound
from attnc.runtime.composed.attend import attend
from attnc.runtime.eager import eager
from attnc.runtime.segmented import attend as segmented
from attnc.runtime.sink import add_sink

KEYWORDS = ("scale", "q_start", "k_start", "cu_seqlens", "kv_len", "grid")


def eager_steps(
    bound: Bound, q: Tensor, k: Tensor, v: Tensor, inputs: Mapping[str, Any], **keywords: Any
) -> tuple[Tensor, Tensor]:
    """As `eager`, for any spec; the lse of a sum of branches is NaN."""
    where = {name: keywords.get(name) for name in KEYWORDS}
    where["k_start"] = where["k_start"] or 0
    if not bound.composite:
        return _attention(bound, q, k, v, inputs, where)

    def run(
        part: Part, q: Tensor, k: Tensor, v: Tensor, own: dict[str, Any], values: dict[str, Any]
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        return (*_attention(part.bound, q, k, v, values, own), {})

    out, lse, _ = attend(bound, parts(bound), (q, k, v), where, inputs, "bhsd", run)
    return out, torch.full_like(out[..., 0], torch.nan) if lse is None else lse


def _attention(
    bound: Bound, q: Tensor, k: Tensor, v: Tensor, inputs: Mapping[str, Any], where: dict[str, Any]
) -> tuple[Tensor, Tensor]:
    """One attention; of a spec with segments, each of its steps."""
    if not bound.segments:
        return eager(bound, q, k, v, inputs, **where)

    def run(
        step: Step, q: Tensor, k: Tensor, v: Tensor, own: dict[str, Any], values: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        return eager(step.bound, q, k, v, values, **own)

    heads, kv_heads = q.shape[1], k.shape[1]
    steps = steps_of(bound, heads, kv_heads)
    out, lse = segmented.attend(bound, steps, (q, k, v), where, inputs, "bhsd", run)
    return add_sink(bound, out, lse, kv_heads, inputs, "bhsd")
