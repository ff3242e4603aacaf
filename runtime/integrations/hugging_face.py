"""attnc operators as the attention of Hugging Face transformers models.

    register("attnc", full="line/causal", sliding=attnc.compile("line/mistral", w=512))
    model.set_attn_implementation("attnc")

The model's pattern is then the spec's. Padding and the KV cache still come from the model: they
become positions (`q_start`, `k_start`, `kv_len`), never a mask of queries by keys. Whatever else a
layer asks for and the spec does not take is an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import torch
from torch import Tensor, nn

from attnc.runtime.integrations import mask_functions
from attnc.runtime.integrations.errors import (
    DenseMask,
    DropoutRequested,
    KeysDropped,
    LayerWithoutOperator,
    PackedBatch,
    PackedCrossAttention,
    UnsupportedKeyword,
    UnsupportedMask,
)
from attnc.runtime.integrations.keys import Extent, Keys, packed, padded, unpadded
from attnc.runtime.integrations.reach import looks_past

Operator = Callable[..., Any]
Spec = str | PathLike[str]

# Keywords that change no score and no mask: bookkeeping, and what masks and operators already say.
HARMLESS = frozenset(
    {
        "cache_position",
        "deterministic",
        "is_causal",
        "logits_to_keep",
        "max_length_k",
        "max_length_q",
        "num_items_in_batch",
        "output_hidden_states",
        "output_router_logits",
        "past_key_values",
        "position_embeddings",
        "position_ids",
        "return_dict",
        "seq_idx",
        "sliding_window",
        "use_cache",
    }
)


def register(
    name: str,
    full: Operator | Spec | None = None,
    sliding: Operator | Spec | None = None,
    *,
    choose: Callable[[nn.Module], Operator] | None = None,
    inputs: Mapping[str, str] | None = None,
    ignore: tuple[str, ...] = (),
) -> None:
    """Register operators as an attention implementation `name` and as its mask interface.

    `full` serves layers with full attention, `sliding` those with a sliding window; each is an
    operator or a spec that needs no parameters. `choose(module)` picks per layer instead.
    `inputs` maps keywords that layers pass to inputs of the spec: `{"s_aux": "z"}`. `ignore` names
    keywords and mask functions of the model that the spec accounts for by itself.

    The cache of a sliding-window layer drops what the model's own window does not reach; a spec
    that looks further back raises `KeysDropped` then.
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    attention = Attention(
        _operator(full), _operator(sliding), choose, dict(inputs or {}), frozenset(ignore)
    )
    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, attention.mask)


@dataclass(frozen=True, slots=True)
class Attention:
    """An attention function and its mask function, as transformers calls them."""

    full: Operator | None = None
    sliding: Operator | None = None
    choose: Callable[[nn.Module], Operator] | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()

    def __call__(
        self,
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Keys | None,
        scaling: float | None = None,
        dropout: float = 0.0,
        **keywords: Any,
    ) -> tuple[Tensor, None]:
        """Attend: query [B, Hq, Nq, D], key and value [B, Hkv, Nk, D]; output [B, Nq, Hq, D]."""
        if dropout:
            raise DropoutRequested(dropout)
        operator = self._operator_of(module, keywords)
        _check_reach(operator, attention_mask, query.shape[1], key.shape[1])
        arguments = _positions(attention_mask) | _packing(keywords) | self._inputs(keywords)
        out: Tensor = operator(query, key, value, scale=scaling, **arguments)
        return out.transpose(1, 2).contiguous(), None

    def mask(
        self,
        batch_size: int,
        q_length: int,
        kv_length: int,
        q_offset: int | Tensor = 0,
        kv_offset: int = 0,
        mask_function: Callable[..., Any] | None = None,
        attention_mask: Tensor | Keys | None = None,
        **_: Any,
    ) -> Keys | None:
        """Return the positions of queries and keys, or None where they are the defaults."""
        if isinstance(attention_mask, Keys):
            return attention_mask
        parts = mask_functions.parts(mask_function) if mask_function else {}
        for part in parts.keys() - {*mask_functions.PATTERNS, mask_functions.PACKED, *self.ignore}:
            raise UnsupportedMask(part)
        if mask_functions.PACKED in parts:
            return _packed(mask_functions.sequence_of_token(parts[mask_functions.PACKED]))
        written = int(q_offset) + q_length - kv_offset
        rows = min(written, kv_length) if mask_functions.CAUSAL in parts else kv_length
        extent = Extent(q_length, kv_length, int(q_offset), kv_offset, rows)
        if attention_mask is None:
            return unpadded(extent, batch_size)
        return padded(extent, attention_mask.expand(batch_size, -1))

    def _operator_of(self, module: nn.Module, keywords: Mapping[str, Any]) -> Operator:
        if self.choose is not None:
            return self.choose(module)
        windows = keywords.get("sliding_window"), getattr(module, "sliding_window", None)
        slides = getattr(module, "is_sliding", any(window is not None for window in windows))
        operator = self.sliding if slides else self.full
        if operator is None:
            raise LayerWithoutOperator("sliding" if slides else "full")
        return operator

    def _inputs(self, keywords: Mapping[str, Any]) -> dict[str, Any]:
        """The spec's inputs out of a layer's keywords; an error for what would get lost."""
        asked = {
            name: value
            for name, value in keywords.items()
            if value is not None and value is not False and name not in HARMLESS | self.ignore
        }
        asked = {name: value for name, value in asked.items() if not name.startswith("cu_seq_lens")}
        for name in asked.keys() - self.inputs.keys():
            raise UnsupportedKeyword(name)
        return {self.inputs[name]: value for name, value in asked.items()}


def _operator(choice: Operator | Spec | None) -> Operator | None:
    if isinstance(choice, str | PathLike):
        import attnc

        return attnc.compile(choice)
    return choice


def _positions(mask: Keys | None) -> dict[str, Any]:
    if mask is None:
        return {}
    if not isinstance(mask, Keys):
        raise DenseMask(tuple(mask.shape))
    return mask.arguments


def _check_reach(operator: Operator, mask: Keys | None, heads: int, kv_heads: int) -> None:
    """Refuse to run a spec on a cache that has dropped keys which it may see."""
    window = getattr(mask, "window", None)
    if window is not None and looks_past(operator, window, heads, kv_heads):
        raise KeysDropped(window)


def _packing(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Cumulative lengths that the model passes for a row of packed sequences."""
    queries, keys = keywords.get("cu_seq_lens_q"), keywords.get("cu_seq_lens_k")
    if queries is None:
        return {}
    if keys is not None and keys is not queries and not torch.equal(keys, queries):
        raise PackedCrossAttention
    return {"cu_seqlens": queries.int()}


def _packed(sequences: Tensor) -> Keys:
    if len(sequences) > 1:
        raise PackedBatch(len(sequences))
    return packed(sequences[0])
