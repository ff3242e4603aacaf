"""Calls of every kind against the oracle: views, positions, padding, packing, empty tensors."""

import mmap
import sys
from itertools import pairwise

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.errors import InvalidValue
from attnc.runtime.calls.call import bind_call
from attnc.runtime.cpu.arguments import prepare
from attnc.runtime.cpu.launch import launch
from attnc.runtime.operator import Operator
from tests.runtime.tolerance import assert_right, qkv, random

pytestmark = pytest.mark.usefixtures("poisoned")

NO_RESERVE = 0x4000 if sys.platform == "linux" else 0  # mmap.MAP_NORESERVE, new in Python 3.13


@pytest.fixture(scope="module")
def window() -> Operator:
    return attnc.compile("line/mistral", w=60)


@pytest.fixture(scope="module")
def streaming() -> Operator:
    return attnc.compile("line/streaming_llm", sinks=4, w=30)


def int32(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.int32)


# Views


def test_layout_with_rows_before_heads() -> None:
    op = attnc.compile("line/mistral", w=60, layout="bshd")
    q, k, v = (x.transpose(1, 2).contiguous() for x in qkv(77, batch=2, heads=4, kv_heads=2))
    out = assert_right(op, q, k, v)
    assert out.shape == (2, 77, 4, 16)
    heads_first = attnc.compile("line/mistral", w=60)(*(x.transpose(1, 2) for x in (q, k, v)))
    assert torch.equal(out.transpose(1, 2), heads_first)


def test_transposed_views(window: Operator) -> None:
    q, k, v = (random(2, 77, 4, 16, seed=i).transpose(1, 2) for i in range(3))
    out = assert_right(window, q, k, v)
    assert torch.equal(out, window(*(x.contiguous() for x in (q, k, v))))


def test_slices_with_odd_offsets(window: Operator) -> None:
    """Rows of 53 columns and views that start anywhere: no load may expect alignment."""
    whole = random(3, 90, 7, 53)
    q = whole[1:, 5:82, 1:5, 3:19].transpose(1, 2)
    k = whole[:2, 1:78, 5:7, 20:36].transpose(1, 2)
    v = whole[1:, 9:86, 2:4, 37:53].transpose(1, 2)
    assert q.storage_offset() % 2 and v.stride(2) % 2
    out = assert_right(window, q, k, v)
    assert torch.equal(out, window(*(x.contiguous() for x in (q, k, v))))


def test_one_tensor_for_all_heads_and_entries(window: Operator) -> None:
    q, k, v = qkv(50, batch=3, heads=4)
    k, v = (x[:1, :1].expand(3, 4, 50, 16) for x in (k, v))
    assert_right(window, q, k, v)


def test_qkv_in_one_tensor(window: Operator) -> None:
    q, k, v = random(2, 66, 3, 4, 16).permute(2, 0, 3, 1, 4)
    assert_right(window, q, k, v)


def test_a_view_of_inputs() -> None:
    op = attnc.compile("score/relative_bias", r=9)
    table = random(60, 3).t()[:, 7:45:2]
    assert_right(op, *qkv(70, heads=3), table=table)


def huge(rows: int, heads: int, columns: int) -> Tensor:
    """[1, H, N, D] whose last rows lie beyond 2^31 elements; only touched pages take memory."""
    step = (1 << 31) // (rows - 1) + 64
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE
    memory = mmap.mmap(-1, 4 * step * rows, flags=flags)
    flat = torch.frombuffer(memory, dtype=torch.float32)
    return flat.as_strided((1, heads, rows, columns), (0, columns, step, 1))


def test_offsets_beyond_32_bits(window: Operator) -> None:
    q, k, v = qkv(66, heads=2)
    far = [huge(66, 2, 16).copy_(x) for x in (q, k, v)]
    assert (far[1].size(2) - 1) * far[1].stride(2) > 1 << 31
    assert torch.equal(window(*far), window(q, k, v))
    out, lse = huge(66, 2, 16), huge(66, 2, 1)[..., 0]
    call = bind_call(window.bound, *far)
    kernel = window._runner.kernel(window._runner.sizes(call))
    launch(kernel, prepare(call, out, lse))
    assert torch.equal(out, window(q, k, v))


# Positions


def test_every_position_default(window: Operator) -> None:
    for q_len, k_len in ((1, 70), (33, 70), (70, 33)):
        q, k, v = qkv(q_len, k_len)
        given = assert_right(window, q, k, v, q_start=k_len - q_len)
        assert torch.equal(given, window(q, k, v))


def test_starts_of_each_entry(streaming: Operator) -> None:
    q, k, v = qkv(20, 90, batch=4)
    assert_right(streaming, q, k, v, q_start=int32(0, 70, 35, -7))
    assert_right(streaming, q, k, v, q_start=int32(5, 70, 35, 99), k_start=int32(0, 7, 1, 50))
    assert_right(streaming, q, k, v, q_start=torch.tensor([1, 2, 3, 4]), k_start=torch.tensor(3))


def test_cropped_cache(window: Operator) -> None:
    q, k, v = qkv(200)
    whole = window(q, k, v)
    found = assert_right(window, q[:, :, 190:], k[:, :, 101:], v[:, :, 101:], k_start=101)
    torch.testing.assert_close(found, whole[:, :, 190:], atol=1e-6, rtol=0)


def test_chunks_are_parts_of_the_whole(streaming: Operator) -> None:
    q, k, v = qkv(130)
    whole = streaming(q, k, v)
    for start, end in ((0, 7), (7, 60), (60, 130)):
        chunk = assert_right(
            streaming, q[:, :, start:end], k[:, :, :end], v[:, :, :end], q_start=start
        )
        torch.testing.assert_close(chunk, whole[:, :, start:end], atol=1e-6, rtol=0)


def test_far_positions(window: Operator) -> None:
    q, k, v = qkv(100)
    far = 100_000_007
    found = window(q, k, v, q_start=far, k_start=far)
    torch.testing.assert_close(found, window(q, k, v), atol=1e-6, rtol=0)
    with pytest.raises(InvalidValue, match=r"`position` is .*, expected at most"):
        window(q, k, v, q_start=2**31 - 50, k_start=2**31 - 101)


# Padding


def test_keys_beyond_kv_len_are_never_read(streaming: Operator) -> None:
    q, k, v = qkv(9, 90, batch=5, heads=4, kv_heads=2)
    lengths = int32(90, 49, 48, 1, 0)
    for entry, length in enumerate(lengths.tolist()):
        k[entry, :, length:], v[entry, :, length:] = torch.nan, torch.inf
    out = assert_right(streaming, q, k, v, kv_len=lengths)
    assert out.isfinite().all() and (out[4] == 0).all()


def test_left_padding(window: Operator) -> None:
    q, k, v = qkv(77, batch=4)
    pads = int32(0, 1, 50, 77)
    for entry, padding in enumerate(pads.tolist()):
        k[entry, :, :padding], v[entry, :, :padding] = torch.nan, -torch.inf
    out = assert_right(window, q, k, v, k_start=-pads)
    assert out.isfinite().all()
    alone = window(*(x[2:3, :, 50:] for x in (q, k, v)))
    torch.testing.assert_close(out[2:3, :, 50:], alone, atol=1e-6, rtol=0)


def test_left_padding_and_kv_len(streaming: Operator) -> None:
    q, k, v = qkv(12, 77, batch=3)
    for entry, (first, end) in enumerate(((5, 60), (0, 77), (40, 30))):
        k[entry, :, :first], v[entry, :, end:] = torch.nan, torch.nan
        k[entry, :, end:], v[entry, :, :first] = torch.inf, torch.inf
    kv_len = int32(60, 77, 30)
    out = assert_right(streaming, q, k, v, k_start=int32(-5, 0, -40), kv_len=kv_len)
    assert out.isfinite().all() and (out[2] == 0).all()


def test_a_nan_in_an_existing_key_shows(window: Operator) -> None:
    q, k, v = qkv(130)
    k[0, 1, 20, 3] = torch.nan
    rows = window(q, k, v).isnan().any(-1)[0]
    assert not rows[0].any() and not rows[1, :20].any() and not rows[1, 80:].any()
    assert rows[1, 20:80].all()


def test_an_infinite_value_shows(window: Operator) -> None:
    """As in dense attention, a row of the same tile that does not see the value may get NaN."""
    q, k, v = qkv(130)
    v[0, 0, 20, 3] = torch.inf
    out = window(q, k, v)[0]
    assert (out[0, 20:80, 3] == torch.inf).all()
    assert out[1].isfinite().all() and out[0, :, [0, 1, 2, *range(4, 16)]].isfinite().all()


def test_rows_that_see_nothing(window: Operator) -> None:
    q, k, v = qkv(130, 20)
    out, lse = window(q, k, v, return_lse=True)
    assert (out[:, :, :110] == 0).all() and (lse[:, :, :110] == -torch.inf).all()
    assert lse[:, :, 110:].isfinite().all()
    assert_right(window, q, k, v)
    assert_right(window, q, k, v, q_start=75)  # only some rows of a tile see a key


# Packing


def test_packed_sequences(streaming: Operator) -> None:
    q, k, v = qkv(200, heads=4, kv_heads=2)
    ends = int32(0, 0, 1, 49, 49, 150, 200, 200)
    out = assert_right(streaming, q, k, v, cu_seqlens=ends)
    for first, end in pairwise(ends.tolist()):
        if end > first:
            alone = streaming(*(x[:, :, first:end] for x in (q, k, v)))
            torch.testing.assert_close(out[:, :, first:end], alone, atol=1e-6, rtol=0)


def test_packed_without_a_batch_axis(streaming: Operator) -> None:
    rows = [x[0].transpose(0, 1).contiguous() for x in qkv(100, heads=3, kv_heads=1)]
    out = assert_right(streaming, *rows, cu_seqlens=int32(0, 30, 100))
    assert out.shape == (100, 3, 16)
    assert torch.equal(out, streaming(*rows, cu_seqlens=torch.tensor([0, 30, 100])))


def test_packed_without_any_row(streaming: Operator) -> None:
    nothing = torch.empty(1, 2, 0, 16)
    for ends in (int32(0), int32(0, 0), int32(0, 0, 0)):
        assert streaming(nothing, nothing, nothing, cu_seqlens=ends).shape == (1, 2, 0, 16)


def test_packed_with_inputs() -> None:
    op = attnc.compile("input/document")
    q, k, v = qkv(150, heads=2)
    doc = torch.arange(150, dtype=torch.int32) // 13
    assert_right(op, q, k, v, cu_seqlens=int32(0, 31, 31, 100, 150), doc=doc)
