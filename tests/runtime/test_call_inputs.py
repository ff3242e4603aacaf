"""Calls with run-time inputs, other dtypes, empty tensors and extreme numbers."""

from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.errors import NotBuiltForTarget
from attnc.runtime.operator import Operator
from tests.runtime.tolerance import assert_right, qkv, random

pytestmark = pytest.mark.usefixtures("poisoned")

EVERYTHING = """attention everything {
    input doc: int[token]
    input keep: int[b, k]
    input bias: float[hkv, q, k]
    input slope: float[h]
    input gain: float
    input reach: int
    mask { doc[q] == doc[k] and keep[b, k] != 1 and q - k < reach }
    score gain * s - slope[h] * abs(q - k) + bias[h, q, k]
}"""


@pytest.fixture(scope="module")
def everything() -> Operator:
    return attnc.compile(EVERYTHING)


@pytest.fixture(scope="module")
def document() -> Operator:
    return attnc.compile("input/document")


@pytest.fixture(scope="module")
def window() -> Operator:
    return attnc.compile("line/mistral", w=60)


def given(batch: int, heads: int, kv_heads: int, q_len: int, k_len: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(q_len)
    doc = torch.randint(0, 3, (k_len,), generator=generator).sort()[0]
    keep = torch.randint(0, 3, (batch, k_len), generator=generator)
    bias = random(kv_heads, q_len, k_len, seed=5)
    slope = torch.linspace(0.01, 0.3, heads)
    return {"doc": doc, "keep": keep, "bias": bias, "slope": slope, "gain": 0.8, "reach": 40}


@pytest.mark.parametrize(("q_len", "k_len"), [(1, 1), (97, 97), (5, 130), (50, 7)])
def test_every_kind_of_input(everything: Operator, q_len: int, k_len: int) -> None:
    for batch, heads, kv_heads in ((1, 2, 2), (3, 6, 2)):
        q, k, v = qkv(q_len, k_len, batch=batch, heads=heads, kv_heads=kv_heads)
        assert_right(everything, q, k, v, **given(batch, heads, kv_heads, q_len, k_len))


def test_every_input_with_starts_and_padding(everything: Operator) -> None:
    q, k, v = qkv(40, 90, batch=3, heads=4, kv_heads=2)
    inputs = given(3, 4, 2, 40, 90)
    starts = torch.tensor([0, -7, -60])
    lengths = torch.tensor([90, 50, 70])
    assert_right(everything, q, k, v, k_start=starts, kv_len=lengths, **inputs)
    assert_right(everything, q, k, v, k_start=-starts, q_start=starts + 30, **inputs)


def test_inputs_with_a_batch_axis(everything: Operator) -> None:
    q, k, v = qkv(70, batch=2, heads=4, kv_heads=2)
    inputs = given(2, 4, 2, 70, 70)
    inputs["doc"] = torch.stack([inputs["doc"], inputs["doc"].flip(0)])
    inputs["bias"] = random(2, 2, 70, 70, seed=6)
    inputs["slope"] = inputs["slope"].expand(2, 4)
    out = assert_right(everything, q, k, v, **inputs)
    alone = {n: x[1:2] if isinstance(x, Tensor) else x for n, x in inputs.items()}
    assert torch.equal(out[1:2], everything(q[1:2], k[1:2], v[1:2], **alone))


def test_dtypes_of_inputs(document: Operator) -> None:
    q, k, v = qkv(70)
    doc = torch.arange(70) // 9
    wanted = assert_right(document, q, k, v, doc=doc)
    for dtype in (torch.int32, torch.int16, torch.int8, torch.uint8):
        assert torch.equal(document(q, k, v, doc=doc.to(dtype)), wanted)
    wide = torch.stack([doc, doc + 1], 1)[:, 0]
    assert torch.equal(document(q, k, v, doc=wide), wanted)
    ends = torch.where(doc < 4, -(2**31), 2**31 - 1)
    assert_right(document, q, k, v, doc=ends)


def test_half_precision_inputs_of_a_score() -> None:
    op = attnc.compile("score/alibi")
    q, k, v = qkv(70)
    slope = torch.tensor([0.5, 0.25])
    wanted = op(q, k, v, slope=slope)
    for dtype in (torch.float64, torch.bfloat16, torch.float16):
        assert torch.equal(op(q, k, v, slope=slope.to(dtype)), wanted)


def test_numbers_do_not_compile_anew(everything: Operator) -> None:
    q, k, v = qkv(60)
    inputs = given(1, 2, 2, 60, 60)
    assert_right(everything, q, k, v, **inputs)
    before = everything.compilations
    for reach in (-5, 0, 1, 17, 1000, torch.tensor(9), 12.0):
        assert_right(everything, q, k, v, **inputs | {"reach": reach, "gain": torch.tensor(0.5)})
    assert everything.compilations == before


def test_autocast(window: Operator) -> None:
    q, k, v = qkv(50)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = window(q, k, v)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, window(*(x.bfloat16() for x in (q, k, v))))
    assert window(q, k, v).dtype == torch.float32


def test_scale(window: Operator) -> None:
    q, k, v = qkv(100)
    for scale in (0.0, 0.3, -1.0, 1):
        assert_right(window, q, k, v, scale=scale)
    assert_right(window, q, k, v, scale=7, rows=False)
    assert torch.equal(window(q, k, v, scale=0.25), window(q, k, v))


def test_large_scores(window: Operator) -> None:
    """The running maximum keeps exponentials in range, and rescales what was summed before."""
    q, k, v = qkv(200)
    rising = k * torch.linspace(0.1, 30, 200)[:, None]
    for keys in (rising, rising.flip(2), -40 * k):
        assert assert_right(window, q, keys, v, rows=False).isfinite().all()
    same = torch.ones_like(k)
    assert_right(window, 1000 * torch.ones_like(q), same, v)
    assert_right(window, -1000 * torch.ones_like(q), same, v)


@pytest.mark.parametrize(
    ("batch", "heads", "q_len", "k_len"),
    [(0, 2, 5, 5), (2, 2, 0, 5), (2, 2, 5, 0), (2, 2, 0, 0), (0, 2, 0, 0)],
)
def test_empty_tensors(window: Operator, batch: int, heads: int, q_len: int, k_len: int) -> None:
    q, k = torch.empty(batch, heads, q_len, 16), torch.empty(batch, heads, k_len, 16)
    out, lse = window(q, k, torch.empty(batch, heads, k_len, 8), return_lse=True)
    assert out.shape == (batch, heads, q_len, 8) and lse.shape == (batch, heads, q_len)
    assert (out == 0).all() and (lse == -torch.inf).all()


def test_empty_columns(window: Operator) -> None:
    q, k, v = qkv(9)
    out, lse = window(q, k, v[..., :0], return_lse=True)
    assert out.shape == (1, 2, 9, 0) and lse.shape == (1, 2, 9)


def test_empty_tensors_with_inputs(everything: Operator) -> None:
    for q_len, k_len in ((0, 4), (4, 0)):
        q, k = torch.empty(1, 2, q_len, 16), torch.empty(1, 2, k_len, 16)
        assert everything(q, k, k, **given(1, 2, 2, q_len, k_len)).shape == q.shape


def test_negative_constants() -> None:
    """Factors and lists; the dialects carry them as text."""
    far = "2 * reach[h] >= q - k and -reach[h] >= k - q - 9"
    for spec in (
        "attention a { mask { -3 * (q - k) <= 40 and (k - q) * -2 >= -60 } }",
        f"attention a(reach = [-5, 9]) {{ mask {{ {far} }} }}",
        "attention a { mask { exists i in -9..0 : q - k == -3 * i - 7 and k <= q } }",
    ):
        assert_right(attnc.compile(spec), *qkv(90))


def test_a_search_of_many_values_is_refused_by_name() -> None:
    op = attnc.compile("attention a { mask { exists i in -130..0 : q - k == -3 * i - 7 } }")
    with pytest.raises(NotBuiltForTarget, match="`exists` over a range of many values"):
        op(*qkv(9))
