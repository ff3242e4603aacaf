"""Patterns in residue classes: each class is computed as a sequence of its own."""

import pytest
import torch

import attnc
from tests.runtime.test_backward import assert_gradients
from tests.runtime.tolerance import assert_right, qkv, random

NEIGHBOURS = "clamp(q div d - w div 2, 0, (len - 1 - q mod d) div d + 1 - w)"
SPECS = {
    "dilated": "attention a(w = 5, d = 4) { mask dilated(w, d) }",
    "strided": "attention a { mask causal & strided(7) }",
    "clamped": f"""
        mask near(w, d) = {{ (q - k) mod d == 0 and {NEIGHBOURS} <= k div d < {NEIGHBOURS} + w }}
        attention a {{ input slope: float[h] grad  mask near(6, 3)  score s * slope[h] }}
    """,
}
CALLS = [(150, 150, {}), (33, 150, {}), (150, 5, {}), (40, 90, {"q_start": 21, "k_start": 3})]


@pytest.mark.parametrize("name", SPECS)
def test_outputs_and_gradients(name):
    op = attnc.compile(SPECS[name])
    inputs = {"slope": random(4, seed=5).requires_grad_()} if name == "clamped" else {}
    for q_len, k_len, call in CALLS:
        operands = qkv(q_len, k_len, batch=2, heads=4, kv_heads=2, dim=24)
        assert_right(op, *operands, **{n: x.detach() for n, x in inputs.items()}, **call)
        leaves = (x.requires_grad_() for x in operands)
        assert_gradients(op, *leaves, 2e-5, **inputs, **call)


def test_packed_padded_and_halves():
    op = attnc.compile(SPECS["dilated"])
    q, k, v = (x[0].transpose(0, 1) for x in qkv(60))
    assert_right(op, q, k, v, cu_seqlens=torch.tensor([0, 7, 9, 60], dtype=torch.int32))
    assert_right(op, *qkv(60, batch=2), kv_len=torch.tensor([60, 23], dtype=torch.int32))
    assert_right(op, *qkv(60, dtype=torch.bfloat16))
    assert_right(op, *qkv(60, dtype=torch.float16))
