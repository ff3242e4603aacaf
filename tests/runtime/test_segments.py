"""Segments of tokens beside a grid: positions, coordinates as data, sinks, empty ones, errors."""

from typing import Any

import pytest
import torch

import attnc
from attnc.compiler.proofs import proofs_of
from attnc.dsl.errors import DiagnosticsError, InvalidValue, ShapeMismatch
from attnc.dsl.loader import load
from tests.references.grid import dense
from tests.references.segments import BEFORE, CASES
from tests.runtime.test_backward import assert_gradients
from tests.runtime.tolerance import assert_right, qkv

EVERYTHING = """
grid y: H, x: W
segment text: L before
segment pad: 3 after

mask near(m, n, r) = { -r <= m - n <= r }

attention a(r = 2) {
    input bias: float[h, q, k] grad
    input limit: int
    mask window(r) on y & window(r) on x
        | { q in text and k in text and k <= q }
        | { k in text and not q in text }
        | near(q.y, k.y, 1) & { k.x == 0 }
        | { q in pad and k.y < limit }
        | { q in pad and k in pad } - { k > q }
    score where(q in text or k in text or q in pad or k in pad, s, s - 0.1 * abs(q.y - k.y))
        + bias[h, q, k]
    normalize softmax1
}
"""


def sizes(text: int) -> tuple[int, dict[str, Any]]:
    tokens = text + 5 * 6 + 3
    bias = torch.randn(4, tokens, tokens, generator=torch.Generator().manual_seed(3))
    return tokens, {"grid": (5, 6), "text": text, "limit": 2, "bias": bias}


@pytest.mark.parametrize("text", [7, 0])
def test_everything_at_once(text: int) -> None:
    op = attnc.compile(EVERYTHING)
    tokens, keywords = sizes(text)
    operands = qkv(tokens, batch=2, heads=4, kv_heads=2, dim=16)
    assert_right(op, *operands, **keywords)
    for x in (*operands, keywords["bias"]):
        x.requires_grad_()
    assert_gradients(op, *operands, 2e-5, **keywords)


def test_layouts_and_dtypes() -> None:
    q, k, v = qkv(7 + 20, batch=2, heads=4, kv_heads=2, dim=16)
    given = {"grid": (4, 5), "text": 7}
    out, lse = attnc.compile("grid/clear", r=1)(q, k, v, return_lse=True, **given)
    swapped = (x.transpose(1, 2).contiguous() for x in (q, k, v))
    other = attnc.compile("grid/clear", r=1, layout="bshd")(*swapped, return_lse=True, **given)
    torch.testing.assert_close(other[0].transpose(1, 2), out, rtol=0, atol=0)
    torch.testing.assert_close(other[1], lse, rtol=0, atol=0)
    halves = attnc.compile("grid/clear", r=1)(*(x.bfloat16() for x in (q, k, v)), **given)
    torch.testing.assert_close(halves.float(), out, rtol=0.05, atol=0.05)


def test_what_no_coordinate_reaches_stays_false_under_a_complement_of_sets() -> None:
    """`~(M on y)` holds off the grid, where `M on y` does not; a comparison in it is false."""
    text = "grid y: H, x: W segment text: 2 before attention a { mask ~(same on y) }"
    found = attnc.mask(text, grid=(2, 2))[0]
    assert found[:2].all() and found[:, :2].all()
    assert found[2:, 2:].tolist() == [[False] * 2 + [True] * 2] * 2 + [[True] * 2 + [False] * 2] * 2
    q, k, v = qkv(6, heads=2, dim=16)
    assert_right(attnc.compile(text), q, k, v, grid=(2, 2))


@pytest.mark.parametrize(
    "test", ["q.y mod 1 == 0", "twice(q.y)", "chance(1, 3, k.y)", "chance(0.5, 3, q.x + k.y)"]
)
def test_a_test_of_a_coordinate_is_false_off_the_grid(test: str) -> None:
    """Also where the number would be known, is a default, or no comparison is written."""
    text = (
        "grid y: H, x: W segment text: 2 before mask twice(m, n = m) = { n < 9 } "
        f"attention a {{ mask {test if 'twice' in test else f'{{ {test} }}'} }}"
    )
    found = attnc.mask(text, grid=(2, 3))[0]
    off = found[:2] if "q." in test else found[:, :2]
    assert not off.any() and found[2:, 2:].any()
    q, k, v = qkv(8, heads=2, dim=16)
    assert_right(attnc.compile(text), q, k, v, grid=(2, 3))


@pytest.mark.parametrize("mask", ["{ H > 5 }", "{ q.y != q.y } | { k in text and L > 5 }"])
def test_a_mask_without_pairs(mask: str) -> None:
    """Analysed, and computed as zeros."""
    beside = "segment text: L before" if "text" in mask else ""
    text = f"grid y: H, x: W {beside} attention a {{ mask {mask} }}"
    assert attnc.analyze(text, grid=(2, 3)).useful == 0
    q, k, v = qkv(6, heads=2, dim=16)
    out, lse = attnc.compile(text)(q, k, v, grid=(2, 3), return_lse=True)
    assert not out.any() and (lse == -torch.inf).all()


def test_lengths() -> None:
    text = (
        "grid y: 3, x: 4 segment a: n before segment z: B after "
        "attention x(n = 2) { mask { q in z or k in a or k in z } | same on y "
        "| { q in a and B < 3 } }"
    )
    assert attnc.mask(text, z=1).shape[-1] == 15
    assert attnc.mask(text, z=1)[0, :2].all() and not attnc.mask(text, z=3)[0, :2, 2:14].any()
    q, k, v = qkv(17, heads=2, dim=16)
    op = attnc.compile(text)
    assert_right(op, q, k, v, z=3)
    with pytest.raises(ShapeMismatch, match=r"12 rows, .* and 2 of `a` and 4 of `z`"):
        op(q, k, v, z=4)
    with pytest.raises(InvalidValue, match="`z`"):
        op(q, k, v, z=-3)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("segment a: L before attention x { mask causal | { k in a } }", "needs a grid"),
        ("grid x: X segment X: X before attention a { mask { k in X } }", "declared twice"),
        ("grid x: X segment scale: L before attention a { mask { k in scale } }", "reserved"),
        ("grid x: X segment a: L before segment a: M after attention b { mask { k in a } }", "a"),
        (
            "grid x: X segment a: L before "
            "attention b { input k_on_x: int[q] mask { k_on_x[q] == 1 or k in a } }",
            "reserved",
        ),
        (
            "grid x: X segment a: L before "
            "attention b { input d: int[token] mask { d[q] == d[k] or k in a } }",
            "not supported",
        ),
    ],
)
def test_mistakes(text: str, word: str) -> None:
    with pytest.raises(DiagnosticsError, match=word):
        attnc.compile(text)


@pytest.mark.parametrize("text", [7, 0])
def test_mask_and_score_of_all_tokens(text: int) -> None:
    """As plain functions of two tokens, which FlexAttention and SDPA take."""
    tokens, keywords = sizes(text)
    call: dict[str, Any] = {"heads": 4, "kv_heads": 2, "r": 1, **keywords}
    score = attnc.flex.score_mod(EVERYTHING.replace("normalize softmax1", ""), **call)
    found = attnc.flex.block_mask(EVERYTHING, **call, block_size=16).mask_mod
    at = [torch.arange(n).reshape(-1, *[1] * (3 - i)) for i, n in enumerate((1, 4, tokens, tokens))]
    pairs = attnc.mask(EVERYTHING, heads=4, r=1, **keywords)
    assert score is not None and torch.equal(found(*at).expand(pairs.shape), pairs)
    q, k, v = qkv(tokens, heads=4, kv_heads=2, dim=16)
    scores = q @ k.repeat_interleave(2, 1).mT / 4
    weights = score(scores, *at).masked_fill(~pairs, -torch.inf).softmax(-1).nan_to_num()
    plain = attnc.reference(EVERYTHING.replace("normalize softmax1", ""), r=1)
    wanted = plain(q, k, v, **keywords)
    torch.testing.assert_close(
        (weights @ v.repeat_interleave(2, 1)).double(), wanted, rtol=0, atol=1e-5
    )


SEGMENT = "segment a: L before"


def test_assertions() -> None:
    def verdict(mask: str, claim: str) -> str:
        segments = "segment a: L before segment z: 2 after" if "in z" in mask else SEGMENT
        text = f"grid x: X {segments} attention s {{ mask {mask} assert {claim} }}"
        (found,) = proofs_of(load(text).bind(), None, None)
        return found.verdict

    window = "causal & window(3, 0) on x"
    assert verdict(f"{window} | {{ k in a }}", "covers") == "proved"
    assert verdict(f"{window} | {{ k in a and not q in a }}", "covers") == "refuted"
    assert verdict(f"{window} | {{ q == k }}", "covers") == "proved"
    assert verdict(f"{window} | {{ q in a and k.x < 5 }}", "covers") == "unknown"
    assert verdict("{ not (k in z and q.x > L) }", "covers") == "proved"  # two keys of `z`
    assert verdict("causal & ~(same on x) | { k in a and q in a and k <= q }", "causal") == "proved"
    assert verdict("{ len == k.x and not q in a }", "causal") == "unknown"  # there is no such token
    assert verdict("(causal & window(3, 0)) on x | { k in a and not q in a }", "causal") == "proved"
    assert verdict("(causal & window(3, 0)) on x | { k in a }", "causal") == "refuted"
    assert verdict("window(3) on x", "causal") == "refuted"
    assert verdict("same on x | { q in a }", "causal") == "refuted"
    assert verdict("same on x", "heads_cover") == "unknown"


@pytest.mark.parametrize("name", sorted(BEFORE))
def test_analysis_adds_up_the_parts(name: str) -> None:
    """Pairs are those of the definition; what is visited holds them."""
    for grid, given in CASES[name]:
        found = attnc.analyze(name, grid=grid, **given)
        pairs = dense(name, grid, **given)
        assert found.useful == pairs.sum() <= found.visited
        assert found.q_len == found.kv_len == len(pairs) and found.grid == grid
        assert found.density == pytest.approx(pairs.mean())
        assert [proof.verdict for proof in found.proofs] == ["proved"]
    with pytest.raises(InvalidValue, match="the points of the grid"):
        attnc.analyze(name, grid=grid, seq=7, **given)
