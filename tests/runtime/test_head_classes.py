"""Tensors that say which pattern a head or a batch entry has: tiles of the others are left out."""

from typing import Any

import pytest
import torch

import attnc
from attnc.compiler.intervals import bound
from attnc.dsl.parser import parse_expression
from tests.runtime.test_backward import assert_gradients
from tests.runtime.tolerance import assert_right, qkv

WIDE = "attention a(w = 5) {{ input kind: {axes}  mask causal & ({{ {test} }} | window(w, 0)) }}"
SPECS: dict[str, tuple[str, Any]] = {
    "int[h]": ("kind[h] == 1", [1, 0, 0, 1]),
    "int[hkv]": ("kind[h] > 0", [0, 1]),
    "int[b, h]": ("kind[b, h] == 2", [[1, 0, 2, 1], [2, 2, 0, 1]]),
    "int[b]": ("kind[b] == 0", [1, 0]),
    "float[h]": ("kind[h] < 0.5", [0.1, 0.9, float("nan"), 0.2]),
    "int[h, k]": ("kind[h, k] == 1", [[i % 7 == h for i in range(70)] for h in range(4)]),
}


@pytest.mark.parametrize("axes", SPECS)
def test_kernels_and_block_masks(axes: str) -> None:
    test, values = SPECS[axes]
    text = WIDE.format(axes=axes, test=test)
    kind = torch.tensor(values).int() if axes.startswith("int") else torch.tensor(values)
    q, k, v = qkv(70, batch=2, heads=4, kv_heads=2, dim=16)
    op = attnc.compile(text)
    assert_right(op, q, k, v, kind=kind)
    assert_right(op, q[:, :, -1:], k, v, kind=kind)
    leaves = (x.requires_grad_() for x in (q, k, v))
    assert_gradients(op, *leaves, 2e-5, kind=kind)
    sizes: dict[str, Any] = {"heads": 4, "kv_heads": 2, "batch": 2, "kind": kind}
    found = attnc.flex.block_mask(text, seq=70, block_size=8, **sizes)
    wanted = attnc.mask(text, seq=70, **sizes)
    wanted = wanted.expand(2, 4, 70, 70) if wanted.dim() == 4 else wanted.expand(4, 70, 70)[None]
    cut = torch.nn.functional.pad(wanted, (0, 2, 0, 2)).unflatten(2, (9, 8)).unflatten(4, (9, 8))
    live = cut.any(5).any(3)
    assert torch.equal(found.to_dense().bool().expand_as(live), live)


def test_a_tile_of_a_head_of_another_class_is_left_out() -> None:
    found = bound(parse_expression("k <= q and (kind[h] == 1 or q - k < 5)"))
    possible = "k_low <= q_high and (kind[h] == 1 or q_low - k_high < 5)"
    assert found.possible == parse_expression(possible)


def test_on_a_grid() -> None:
    text = """grid y: H, x: W attention a { input kind: int[h]
        mask (same on y | { kind[h] == 1 }) & window(2) on x }"""
    op, kind = attnc.compile(text), torch.tensor([1, 0, 1, 0])
    q, k, v = qkv(9 * 20, batch=2, heads=4, kv_heads=2, dim=16)
    assert_right(op, q, k, v, grid=(9, 20), kind=kind)
    leaves = (x.requires_grad_() for x in (q, k, v))
    assert_gradients(op, *leaves, 2e-5, grid=(9, 20), kind=kind)
