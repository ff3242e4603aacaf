"""Run-time sets: lists by query, by block of queries, by head, against the oracle and by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.errors import (
    DtypeMismatch,
    InvalidValue,
    MissingInput,
    NotBuiltForTarget,
    ShapeMismatch,
)
from tests.runtime.tolerance import assert_right, qkv

N, HEADS, KV_HEADS = 67, 4, 2
BLOCKS = -(-N // 16)


def entries(*shape: int, below: int = N, seed: int = 0) -> Tensor:
    """Entries with some -1 among them, and some beyond what exists."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-1, below + 3, shape, generator=generator)


def tensors(q_len: int, k_len: int, batch: int) -> tuple[Tensor, Tensor, Tensor]:
    return qkv(q_len, k_len, batch=batch, heads=HEADS, kv_heads=KV_HEADS, dim=24)


CASES: dict[str, tuple[str, tuple[int, ...], int]] = {
    "neighbours": ("set[q] mask causal & (window(3, 0) | { k in x[q] })", (N, 5), N),
    "by head": ("set[h, q] mask { k in x[h, q] }", (HEADS, N, 4), N),
    "by entry": ("set[b, hkv, q] mask { k in x[b, h, q] }", (2, KV_HEADS, N, 4), N),
    "removed": ("set[q] mask causal - { k in x[q] }", (N, 20), N),
    "blocks by block": (
        "set[h, q] mask causal & (blocks(16) | { k div 16 in x[h, q div 16] })",
        (HEADS, BLOCKS, 2),
        BLOCKS,
    ),
    "blocks by query": (
        "set[h, q] mask causal & (blocks(16) | { k div 16 in x[h, q] })",
        (2, HEADS, N, 2),
        BLOCKS,
    ),
    "columns": ("set[h] mask causal & (window(9, 0) | { k in x[h] })", (HEADS, 7), N),
    "rows": ("set mask window(9, 9) | { q in x }", (6,), N),
    "diagonals": ("set[h] mask causal & { q - k in x[h] }", (HEADS, 7), N),
}


TRAINED = ("neighbours", "blocks by block", "blocks by query", "diagonals")


@pytest.mark.parametrize("name", CASES)
def test_forward_and_backward(name: str) -> None:
    declared, shape, below = CASES[name]
    spec = f"attention a {{ input x: {declared} }}"
    lists = entries(*shape, below=below)
    given = tensors(N, N, 2)
    assert_right(attnc.compile(spec), *given, x=lists)
    if name not in TRAINED:
        return
    ours, exact = ([t.clone().requires_grad_() for t in given] for _ in range(2))
    out = attnc.compile(spec)(*ours, x=lists)
    wanted = attnc.reference(spec)(*exact, x=lists)
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(2))
    found = torch.autograd.grad(out, ours, upstream)
    for one, other in zip(
        found, torch.autograd.grad(wanted, exact, upstream.double()), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_mask_is_what_the_lists_say() -> None:
    lists = entries(HEADS, N, 5)
    spec = "attention a { input x: set[h, q] mask { k in x[h, q] } }"
    found = attnc.mask(spec, seq=N, heads=HEADS, x=lists)
    wanted = torch.zeros(HEADS, N, N, dtype=torch.bool)
    for (h, q, _), k in zip(
        torch.cartesian_prod(*map(torch.arange, lists.shape)), lists.flatten(), strict=True
    ):
        if 0 <= k < N:
            wanted[h, q, k] = True
    assert torch.equal(found, wanted)


def test_lists_of_different_lengths_as_csr() -> None:
    """As SciPy and FlashInfer have them; an empty list, a long one."""
    lengths = torch.arange(N) % 7
    indptr = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    indices = torch.randint(0, N, (int(indptr[-1]),), generator=torch.Generator().manual_seed(1))
    op = attnc.compile("attention a { input x: set[q] mask { k in x[q] } }")
    assert_right(op, *tensors(N, N, 1), x=(indptr, indices))


def test_calls_of_few_queries_of_padded_and_packed_entries() -> None:
    op = attnc.compile(
        "attention a { input x: set[h, q] mask causal & (sink(2) | { k in x[h, q] }) }"
    )
    long = 700
    assert_right(op, *tensors(2, long, 1), x=entries(HEADS, 2, 40, below=long))
    lengths = torch.tensor([N, 20], dtype=torch.int32)
    given = tensors(N, N, 2)
    assert_right(op, *given, x=entries(HEADS, N, 6), kv_len=lengths)
    packed = torch.tensor([0, 20, 20, N], dtype=torch.int32)
    given = tensors(N, N, 1)
    assert_right(op, *given, x=entries(HEADS, N, 6), cu_seqlens=packed)


def test_a_block_of_queries_is_counted_from_position_0() -> None:
    """Queries 30 to 66 are of the blocks 1 to 4."""
    op = attnc.compile("attention a { input x: set[q] mask causal & { k div 16 in x[q div 16] } }")
    assert_right(op, *tensors(N - 30, N, 1), x=entries(4, 3, below=BLOCKS))


SPEC = "attention a { input x: set[h, q] mask { k in x[h, q] } }"
WRONG: dict[str, tuple[Any, type[Exception]]] = {
    "missing": (None, MissingInput),
    "a float": (torch.zeros(HEADS, N, 3), DtypeMismatch),
    "another shape": (entries(HEADS, N + 1, 3), ShapeMismatch),
    "no lists": (entries(HEADS, N), ShapeMismatch),
    "no rising indptr": ((torch.tensor([0, 3, 1]), torch.tensor([1])), InvalidValue),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_lists_are_refused(name: str) -> None:
    given, error = WRONG[name]
    for call in (attnc.compile(SPEC), attnc.reference(SPEC)):
        with pytest.raises(error, match="x"):
            call(*tensors(N, N, 2), x=given)


def test_a_set_is_asked_in_one_way() -> None:
    spec = "attention a { input x: set[q] mask { k in x[q] } | { k div 2 in x[q] } }"
    with pytest.raises(NotBuiltForTarget, match="two different tests"):
        attnc.compile(spec)(*tensors(N, N, 1), x=entries(N, 3))


def test_two_sets_of_one_kernel() -> None:
    spec = """
    attention a {
        input x: set[h, q]
        input y: set[h, q]
        mask causal & ({ k div 16 in x[h, q div 16] } | { k div 16 in y[h, q div 16] })
    }
    """
    x, y = (entries(HEADS, BLOCKS, 2, below=BLOCKS, seed=seed) for seed in (1, 2))
    operands = [one.requires_grad_() for one in tensors(N, N, 1)]
    found = assert_right(attnc.compile(spec), *operands, x=x, y=y)
    wanted = attnc.reference(spec)(*operands, x=x, y=y)
    slopes = [torch.autograd.grad(out.sum(), operands) for out in (found, wanted)]
    for mine, right in zip(*slopes, strict=True):
        torch.testing.assert_close(mine, right, rtol=0, atol=1e-4)
