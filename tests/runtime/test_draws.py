"""Numbers drawn by counting: one hash everywhere, and the sets that are made of it."""

import mmh3
import pytest
import torch
from hypothesis import given, strategies as st

import attnc
from attnc.compiler.draws import draw
from attnc.dsl.loader import load
from attnc.runtime.oracle import operations
from tests.references.draws import draw as published

WORD = st.integers(-(2**31), 2**31 - 1)
HEADS, KV_HEADS = 4, 2


def operands(q_len, kv_len, dtype=torch.float32):
    torch.manual_seed(0)
    q = torch.randn(2, HEADS, q_len, 16, dtype=dtype)
    k, v = (torch.randn(2, KV_HEADS, kv_len, 16, dtype=dtype) for _ in "kv")
    return q, k, v


@given(st.integers(-1, 2**31 - 1), WORD, st.lists(WORD, max_size=4))
def test_the_hash_is_the_published_one(n, seed, places):
    wanted = published(n, seed, *places)
    tensors = [torch.tensor(x) for x in (n, seed, *places)]
    assert wanted == draw(n, seed, *places) == draw(*tensors) == operations.draw(*tensors)


def test_a_known_value() -> None:
    assert draw(2**31, 0, int.from_bytes(b"test", "little")) == mmh3.hash(b"test", 0) % 2**31


@pytest.mark.parametrize("p", [0.0, 1e-3, 0.3, 1.0])
def test_share_of_pairs(p):
    found = attnc.mask(f"attention a {{ mask random({p}, 7) }}", seq=500, heads=3)
    pairs = 3 * 500 * 500
    assert abs(found.sum().item() - p * pairs) <= 4 * (p * (1 - p) * pairs) ** 0.5
    if 0 < p < 1:
        assert not torch.equal(found[0], found[1])


@pytest.mark.parametrize(
    ("spec", "given"),
    [("line/bigbird", {"block": 16, "seed": 5}), ("line/subsample", {"seed": -2, "p": 0.3})],
)
def test_analyze_samples_what_was_drawn(spec, given):
    found = attnc.analyze(spec, seq=700, heads=2, **given)
    assert found.estimate is not None and found.density is None
    share, error = found.estimate
    exact = attnc.mask(spec, seq=700, heads=2, **given).double().mean().item()
    assert 0 < error < 1e-3 and abs(share - exact) < 4 * error


def test_what_a_tensor_says_is_not_sampled() -> None:
    text = "attention a { input doc: int[token] mask random(0.5, 1) & { doc[q] == doc[k] } }"
    assert attnc.analyze(text, seq=64, heads=1).estimate is None
    assert attnc.analyze("line/causal", seq=64).estimate is None


def test_blocks_of_a_row_are_different_ones() -> None:
    text = "attention a { mask random_blocks(4, 3, 11) }"
    for blocks in (3, 4, 10, 31):
        found = attnc.mask(text, seq=4 * blocks, heads=2)
        chosen = found.unflatten(1, (-1, 4))[:, :, 0].unflatten(2, (-1, 4))
        assert (chosen.all(-1) == chosen.any(-1)).all()
        assert (chosen.all(-1).sum(-1) == 3).all()


@pytest.mark.parametrize(
    "text",
    [
        "attention a { mask random(0.4, 12345678901) & causal | same }",
        "attention a { mask { chance(0.5, -1, h div 2, q div 5, k div 3) } }",
        "attention at { input n: int input a: int[h] mask { k mod 7 == draw(n, a[h], b, q) } }",
        "attention a { mask causal score where(chance(0.25, 3, h, q, k), s - 2, s) }",
    ],
)
def test_kernels_draw_what_the_oracle_draws(text):
    given = {"n": 9, "a": torch.tensor([3, -4, 2**31 - 1, 0], dtype=torch.int32)}
    given = given if "input" in text else {}
    tensors = operands(90, 90)
    for x in tensors:
        x.requires_grad_()
    out = attnc.compile(text)(*tensors, **given)
    wanted = attnc.reference(text)(*tensors, **given)
    torch.testing.assert_close(out, wanted.float(), rtol=0, atol=2e-6)
    weight = torch.randn_like(out)
    found = torch.autograd.grad(out, tensors, weight)
    for x, y in zip(found, torch.autograd.grad(wanted, tensors, weight.double()), strict=True):
        torch.testing.assert_close(x, y.float(), rtol=0, atol=2e-5)


def test_positions_draw_the_same_alone_as_in_the_prompt() -> None:
    q, k, v = operands(100, 100)
    operator = attnc.compile("line/subsample")
    whole = operator(q, k, v, seed=5)
    for first in (60, 99):
        part = operator(q[:, :, first:], k, v, seed=5)
        torch.testing.assert_close(part, whole[:, :, first:], rtol=0, atol=1e-6)


def test_a_new_seed_needs_no_new_kernel() -> None:
    q, k, v = operands(100, 100)
    operator = attnc.compile("line/subsample")
    outs = [operator(q, k, v, seed=seed) for seed in (1, 2, 1)]
    assert torch.equal(outs[0], outs[2])
    assert not torch.allclose(outs[0], outs[1])


def test_blocks_that_were_not_drawn_are_skipped() -> None:
    """Keys in blocks that no query block of a head drew may hold anything, NaN too."""
    text = "attention a { mask random_blocks(64, 1, 2) }"
    q, k, v = (torch.randn(1, 1, 1024, 16) for _ in "qkv")
    unused = ~attnc.mask(text, seq=1024, heads=1)[0].any(0)
    assert 64 <= unused.sum() < 1024
    k[:, :, unused] = float("nan")
    assert attnc.compile(text)(q, k, v).isfinite().all()


def test_on_an_axis_of_a_grid() -> None:
    text = "grid y: 6, x: 10 attention a { mask random(0.5, 1) on x & { q.y == k.y } }"
    q, k, v = operands(60, 60)
    out = attnc.compile(text)(q, k, v)
    torch.testing.assert_close(out, attnc.reference(text)(q, k, v).float(), rtol=0, atol=2e-6)


def test_a_probability_is_a_float32() -> None:
    bound = load("attention a(p = 0.1) { mask random(p) }").bind()
    assert bound.values["p"] == 0.1
    found = attnc.mask("attention a { mask random(0.99999999) }", seq=3, heads=1)
    assert found.all()
