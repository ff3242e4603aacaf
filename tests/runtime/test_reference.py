"""The oracle on calls: positions, padding, packing, groups of heads, inputs, gradients, errors."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from attnc.dsl.errors import (
    AttnError,
    DiagnosticsError,
    DtypeMismatch,
    InvalidValue,
    MissingInput,
    ShapeMismatch,
    UnknownArgument,
)
from attnc.runtime.oracle import mask, reference

BIASED = """attention biased(w = 4) {
    input slope: float[h] grad
    input bias: float[hkv, q, k] grad
    input gain: float grad
    input table: float[h, d] grad
    mask causal & window(w, 0)
    score gain * softcap(s, 3) - slope[h] * log(q - k) + bias[h, q, k]
        + table[h, clamp(q - k, 0, 2)]
}"""


def tensors(
    batch: int = 2, heads: int = 4, kv_heads: int = 2, q_len: int = 9, k_len: int = 9, d: int = 8,
    dv: int = 8,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    generator = torch.Generator().manual_seed(batch + heads + q_len + k_len)
    shapes = (batch, heads, q_len, d), (batch, kv_heads, k_len, d), (batch, kv_heads, k_len, dv)
    q, k, v = (torch.randn(*s, generator=generator, dtype=torch.float64) for s in shapes)
    return q, k, v


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("heads", "kv_heads"), [(3, 1), (5, 1), (6, 2), (10, 2), (4, 4)])
def test_any_ratio_of_heads_and_another_value_dimension(heads: int, kv_heads: int) -> None:
    q, k, v = tensors(heads=heads, kv_heads=kv_heads, q_len=5, d=12, dv=7)
    out, lse = reference("line/causal")(q, k, v, return_lse=True)
    pairs = mask("line/causal", q_len=5, kv_len=9)
    assert out.shape == (2, heads, 5, 7) and lse.shape == (2, heads, 5)
    close(out, scaled_dot_product_attention(q, k, v, attn_mask=pairs, enable_gqa=True))
    keys = k.repeat_interleave(heads // kv_heads, 1)
    scores = (q @ keys.mT / 12**0.5).masked_fill(~pairs, -torch.inf)
    close(lse, scores.logsumexp(-1))


def test_scale_and_result_dtype() -> None:
    q, k, v = (x.bfloat16() for x in tensors())
    out, lse = reference("line/full")(q, k, v, scale=0.3, return_lse=True)
    assert out.dtype == lse.dtype == torch.float64
    wanted = scaled_dot_product_attention(
        *(x.double() for x in (q, k, v)), scale=0.3, enable_gqa=True
    )
    close(out, wanted)


def test_rows_without_a_key_are_zero() -> None:
    q, k, v = tensors(q_len=9, k_len=4)
    out, lse = reference("line/mistral", w=2)(q, k, v, return_lse=True)
    assert (out[:, :, :5] == 0).all() and (lse[:, :, :5] == -torch.inf).all()
    assert lse[:, :, 5:].isfinite().all()


def test_keys_beyond_kv_len_are_never_read() -> None:
    q, k, v = tensors(batch=3, q_len=6)
    kv_len = torch.tensor([9, 4, 0], dtype=torch.int32)
    for entry, length in enumerate(kv_len.tolist()):
        k[entry, :, length:], v[entry, :, length:] = torch.nan, torch.inf
    out, lse = reference("line/causal")(q, k, v, kv_len=kv_len, return_lse=True)
    close(out[:1], reference("line/causal")(q[:1], k[:1], v[:1]))
    short = reference("line/causal")(q[1:2], k[1:2, :, :4], v[1:2, :, :4], q_start=3)
    close(out[1:2], short)
    assert (out[2] == 0).all() and (lse[2] == -torch.inf).all()


def test_len_follows_kv_len() -> None:
    q, k, v = tensors(batch=1, q_len=1)
    spec = "attention a { mask { k == len - 1 } }"
    out = reference(spec)(q, k, v, kv_len=torch.tensor([5], dtype=torch.int32))
    close(out, v[:, :, 4:5].repeat_interleave(2, 1))


def test_left_padding_is_a_negative_start() -> None:
    q, k, v = tensors(q_len=9)
    pads = torch.tensor([0, 3], dtype=torch.int32)
    k[1, :, :3], v[1, :, :3] = torch.nan, torch.nan
    spec = "line/streaming_llm"
    out, lse = reference(spec, sinks=2, w=3)(q, k, v, k_start=-pads, return_lse=True)
    close(out[:1], reference(spec, sinks=2, w=3)(q[:1], k[:1], v[:1]))
    close(out[1:, :, 3:], reference(spec, sinks=2, w=3)(*(x[1:, :, 3:] for x in (q, k, v))))
    assert (out[1, :, :3] == 0).all() and (lse[1, :, :3] == -torch.inf).all()


def test_cropped_cache_is_a_positive_start() -> None:
    q, k, v = tensors(q_len=9)
    op = reference("line/mistral", w=3)
    close(op(q[:, :, 7:], k[:, :, 5:], v[:, :, 5:], k_start=5), op(q, k, v)[:, :, 7:])


def test_chunks_at_given_positions() -> None:
    q, k, v = tensors(q_len=9)
    op = reference("line/longformer", w=2, g=1)
    whole = op(q, k, v)
    close(torch.cat([op(q[:, :, i : i + 3], k, v, q_start=i) for i in (0, 3, 6)], 2), whole)
    starts = torch.tensor([1, 4], dtype=torch.int32)
    rows = torch.stack([q[0, :, 1:3], q[1, :, 4:6]])
    found = op(rows, k, v, q_start=starts)
    close(found, torch.stack([whole[0, :, 1:3], whole[1, :, 4:6]]))


ENDS = (0, 4, 4, 5, 9)


def test_packed_sequences_are_calls_of_their_own() -> None:
    q, k, v = tensors(batch=1)
    doc = torch.arange(9).div(2, rounding_mode="floor").int()
    cu_seqlens = torch.tensor(ENDS, dtype=torch.int32)
    op = reference("input/document")
    out, lse = op(q, k, v, cu_seqlens=cu_seqlens, doc=doc, return_lse=True)
    parts = [
        op(*(x[:, :, a:b] for x in (q, k, v)), doc=doc[a:b], return_lse=True)
        for a, b in pairwise(ENDS)
    ]
    close(out, torch.cat([o for o, _ in parts], 2))
    close(lse, torch.cat([each for _, each in parts], 2))
    flat = [x[0].transpose(0, 1).contiguous() for x in (q, k, v)]
    out3, lse3 = op(*flat, cu_seqlens=cu_seqlens, doc=doc, return_lse=True)
    assert out3.shape == (9, 4, 8) and lse3.shape == (4, 9)
    close(out3.transpose(0, 1), out[0])
    close(lse3, lse[0])


def test_inputs_by_query_are_read_at_packed_rows() -> None:
    q, k, v = tensors(batch=1)
    spec = "attention a { input last: int[q] mask { k <= last[q] } }"
    last, cu_seqlens = torch.arange(9) % 3, torch.tensor(ENDS, dtype=torch.int32)
    out = reference(spec)(q, k, v, cu_seqlens=cu_seqlens, last=last)
    for a, b in pairwise(ENDS):
        part = reference(spec)(*(x[:, :, a:b] for x in (q, k, v)), last=last[a:b])
        close(out[:, :, a:b], part)


def test_layout() -> None:
    q, k, v = tensors(dv=5)
    out, lse = reference("line/causal")(q, k, v, return_lse=True)
    op = reference("line/causal", layout="bshd")
    swapped, same = op(*(x.transpose(1, 2) for x in (q, k, v)), return_lse=True)
    close(swapped, out.transpose(1, 2))
    close(same, lse)
    with pytest.raises(InvalidValue, match="layout"):
        reference("line/causal", layout="sbhd")


def test_cross() -> None:
    q, k, v = tensors(q_len=9, k_len=4)
    pairs = torch.ones(9, 4, dtype=torch.bool).tril()
    wanted = scaled_dot_product_attention(q, k, v, attn_mask=pairs, enable_gqa=True)
    close(reference("attention a { cross mask causal }")(q, k, v), wanted)


def test_inputs_per_batch_entry_and_run_time_numbers() -> None:
    q, k, v = tensors()
    spec = "attention a { input n: int input doc: int[token] mask { k < n + doc[q] + b } }"
    doc = torch.randint(0, 4, (2, 9))
    out = reference(spec)(q, k, v, n=2, doc=doc)
    for entry in range(2):
        q1, k1, v1 = (x[entry : entry + 1] for x in (q, k, v))
        alone = reference(spec)(q1, k1, v1, n=torch.tensor(2 + entry), doc=doc[entry])
        close(out[entry : entry + 1], alone)


def test_a_token_input_of_a_query_beyond_the_keys_is_the_nearest() -> None:
    q, k, v = tensors(batch=1, q_len=3)
    doc = torch.tensor([0, 0, 1, 1, 1, 1, 2, 2, 2])
    spec = "attention a { input doc: int[token] mask { doc[q] == doc[k] } }"
    out = reference(spec)(q, k, v, doc=doc, q_start=8)
    close(out, reference("attention a { mask { k >= 6 } }")(q, k, v))


def biased_inputs(q_len: int = 4) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = {"slope": (4,), "bias": (2, q_len, 5), "gain": (), "table": (4, 3)}
    return {
        name: torch.rand(shape, generator=generator, dtype=torch.float64)
        for name, shape in shapes.items()
    }


def test_gradients_of_everything() -> None:
    spec = BIASED.replace("causal & window(w, 0)", "{ 0 < q - k <= w }")
    op = reference(spec)
    given = (*tensors(q_len=4, k_len=5, d=3, dv=2), *biased_inputs().values())
    names = list(biased_inputs())
    leaves = tuple(x.requires_grad_() for x in given)

    def call(*x: Tensor) -> tuple[Tensor, ...]:
        return tuple(op(*x[:3], return_lse=True, **dict(zip(names, x[3:], strict=True))))

    assert torch.autograd.gradcheck(call, leaves, fast_mode=True)


def test_gradients_are_finite_where_rows_are_empty_and_scores_are_not() -> None:
    """`log(q - k)` has no value at most pairs outside the mask, and is -inf on the diagonal."""
    leaves = [x.requires_grad_() for x in tensors(q_len=7, k_len=5)]
    inputs = {n: x.requires_grad_() for n, x in biased_inputs(q_len=7).items()}
    spec = BIASED.replace("causal & window(w, 0)", "{ 0 < q - k <= w }")
    out, lse = reference(spec)(*leaves, return_lse=True, **inputs)
    (out.sum() + lse[lse.isfinite()].sum()).backward()
    assert out.isfinite().all()
    for leaf in (*leaves, *inputs.values()):
        assert leaf.grad is not None and leaf.grad.isfinite().all()


def test_gradient_stops_at_kv_len() -> None:
    q, k, v = (x.requires_grad_() for x in tensors())
    kv_len = torch.tensor([9, 4], dtype=torch.int32)
    reference("line/full")(q, k, v, kv_len=kv_len).square().sum().backward()
    assert (k.grad[1, :, 4:] == 0).all() and (v.grad[1, :, 4:] == 0).all()
    assert (k.grad[1, :, :4] != 0).all()


@pytest.mark.parametrize("sizes", [{"batch": 0}, {"q_len": 0}, {"k_len": 0}, {"dv": 0}])
def test_nothing_to_do(sizes: dict[str, int]) -> None:
    q, k, v = tensors(**sizes)
    doc = torch.zeros(k.shape[2], dtype=torch.int32)
    out, lse = reference("input/document")(q, k, v, doc=doc, return_lse=True)
    assert out.shape == (*q.shape[:3], v.shape[3]) and lse.shape == q.shape[:3]
    if not k.shape[2]:
        assert (out == 0).all() and (lse == -torch.inf).all()
    empty = torch.zeros(1, dtype=torch.int32)
    packed = [x[0, :, :0].transpose(0, 1) for x in tensors()]
    assert reference("line/causal")(*packed, cu_seqlens=empty).shape == (0, 4, 8)


def test_views_of_any_stride() -> None:
    q, k, v = tensors(batch=2, q_len=9)
    padded = [torch.nn.functional.pad(x, (0, 3, 2, 1))[:, :, 2:-1, : x.shape[3]] for x in (q, k, v)]
    assert not padded[0].is_contiguous()
    close(reference("line/causal")(*padded), reference("line/causal")(q, k, v))


def test_errors_name_what_is_wrong() -> None:
    q, k, v = tensors()
    op = reference("input/document")
    with pytest.raises(MissingInput, match="doc"):
        op(q, k, v)
    with pytest.raises(UnknownArgument, match="dco"):
        op(q, k, v, dco=torch.zeros(9))
    with pytest.raises(ShapeMismatch, match="doc"):
        op(q, k, v, doc=torch.zeros(8, dtype=torch.int32))
    with pytest.raises(DtypeMismatch, match="doc"):
        op(q, k, v, doc=torch.zeros(9))
    with pytest.raises(ShapeMismatch, match="`k`"):
        reference("line/full")(q, k[:, :, :, :4], v)
    with pytest.raises(ShapeMismatch, match="heads"):
        reference("line/full")(q[:, :3], k, v)
    with pytest.raises(InvalidValue, match="kv_len"):
        reference("line/full")(q, k, v, kv_len=torch.tensor([10, 0], dtype=torch.int32))
    with pytest.raises(ShapeMismatch, match="table"):
        reference("score/relative_bias", r=2)(q, k, v, table=torch.zeros(4, 4))
    with pytest.raises(InvalidValue, match="grid"):
        reference("line/full")(q, k, v, grid=(3, 3))
    with pytest.raises(DiagnosticsError, match="did you mean `w`"):
        reference("line/mistral", ww=3)
    assert issubclass(DiagnosticsError, AttnError)
