"""Native sparse attention as `native-sparse-attention-pytorch` defines it, with the same weights.

Where that differs from the paper is in `docs/decisions.md`. Its rotation of queries and keys, which
only two of the branches have, is switched off.
"""

from typing import Any

import pytest
import torch
from native_sparse_attention_pytorch import SparseAttention
from torch import Tensor

import attnc

WIDTH, HEADS, KV_HEADS, DIM, BLOCK, N, NEAR = 24, 4, 2, 8, 8, 45, 11
SPEC = """
route picked {{
    keys blocks(8)
    {scored}
    choose top(2)
    within causal
    keep blocks(8)
}}

attention nsa {{
    input gate: float[b, q, h, branch] grad
    input ck: float[hkv, unit, d] grad
    input cv: float[hkv, unit, d] grad
    input learned: int
    branch compressed {{
        keys memory(ck, cv, size = 8)
        mask {{ k.end < q or k == learned }}
    }}
    branch selected {{ mask causal & picked }}
    branch local {{ mask causal & window(11, 0) }}
    merge sum(gate)
}}
"""
KINDS = {  # heads that choose for themselves, by probabilities, or together, by the mean of logits
    "heads": (SPEC.format(scored="queries token summary branch(compressed)"), False),
    "groups": (SPEC.format(scored="queries group summary ck"), True),
}


def module(together: bool) -> Any:
    torch.manual_seed(0)
    made = SparseAttention(
        WIDTH,
        DIM,
        HEADS,
        sliding_window_size=NEAR,
        compress_block_size=BLOCK,
        compress_block_sliding_stride=BLOCK,
        selection_block_size=BLOCK,
        num_selected_blocks=2,
        kv_heads=KV_HEADS,
        causal=True,
        query_heads_share_selected_kv=together,
    ).double()
    made.rotary_emb.freqs.data.zero_()
    for x in made.parameters():
        if x.requires_grad and not bool(x.any()):  # gates and what is learned begin at zero
            torch.nn.init.normal_(x)
    return made


def operands(made: Any, x: Tensor) -> tuple[list[Tensor], dict[str, Any]]:
    """What the package computes of its input before attention."""
    x = made.norm(x)
    q, k, v = (made.split_heads(part) for part in made.to_qkv(x).split(made.qkv_split, -1))
    whole, rows = N // BLOCK * BLOCK, []
    kinds = (
        (k, made.k_intrablock_positions, made.k_compress),
        (v, made.v_intrablock_positions, made.v_compress),
    )
    for learned, (tokens, places, compress) in zip(made.compress_mem_kv, kinds, strict=True):
        windows = made.split_compress_window(tokens[:, :, :whole]) + places[None, :, None]
        rows.append(torch.cat([compress(windows), learned.expand(len(x), -1, -1, -1)], 2))
    gate = made.to_strategy_combine(x).transpose(1, 2)
    return [q, k, v], {"gate": gate, "ck": rows[0], "cv": rows[1], "learned": N // BLOCK}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_outputs_and_gradients_of_weights(kind: str) -> None:
    source, together = KINDS[kind]
    made = module(together)
    x = torch.randn(2, N, WIDTH, dtype=torch.float64, requires_grad=True)
    tensors, inputs = operands(made, x)
    out = attnc.reference(source)(*tensors, **inputs)
    ours, theirs = made.combine_heads(made.merge_heads(out)), made(x)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    if together:
        with torch.no_grad():
            compiled = attnc.compile(source)(*tensors, **inputs)
        torch.testing.assert_close(compiled, out, rtol=1e-9, atol=1e-9)
    weights = [x, *(p for p in made.parameters() if p.requires_grad)]
    found, wanted = (
        torch.autograd.grad(out.sin().sum(), weights, retain_graph=True, materialize_grads=True)
        for out in (ours, theirs)
    )
    assert all(bool(slope.any()) for slope in wanted)
    for mine, right in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, right, rtol=1e-8, atol=1e-9)
