"""Calls of few queries: packed heads, columns in the lanes, and keys that several threads share."""

import math
import mmap
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import attnc
from attnc.codegen.tvm.machine import AMX, AVX2, AVX512, AVX512_BF16, GENERIC, NEON, Machine
from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime.calls.call import Row, bind_call
from attnc.runtime.cpu import build, kernels
from attnc.runtime.cpu.cpus import host_machine
from attnc.runtime.cpu.few import MANY, Rows, Tiles, choose_rows, choose_shares, mask_by_head
from attnc.runtime.cpu.launch import Arguments, launch
from attnc.runtime.cpu.lower import lower, print_module
from attnc.runtime.operator import Operator
from tests.runtime.tolerance import assert_right, qkv

pytestmark = pytest.mark.usefixtures("poisoned")

ALIBI = "attention a {\n input slope: float[h]\n mask causal\n score s - slope[h] * (q - k)\n}"
BY_HEAD = (
    "attention a {\n mask causal & window(9 * (h + 1), 0)\n score s + 0.1 * h * (q - k) / len\n}"
)


def int32(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.int32)


def tiles(op: Operator) -> set[tuple[int, int]]:
    """Rows and packed heads of the kernels that were used."""
    return {(sizes.rows, sizes.packed) for sizes, _ in op._runner.loaded}


@pytest.fixture(scope="module")
def streaming() -> Operator:
    return attnc.compile("line/streaming_llm", sinks=5, w=180)


@pytest.fixture(params=[1, 3, 8])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


# Which kernel


def test_a_group_fills_a_tile() -> None:
    """A tile of 16 rows is as good as two of 8, and 17 rows are better off in one of 32."""
    few = {
        (1, 1): Rows(1, 1), (1, 4): Rows(4, 4), (1, 3): Rows(3, 3), (2, 4): Rows(8, 4),
        (4, 4): Rows(16, 4), (17, 1): Rows(32, 1), (64, 1): Rows(32, 1), (1, 20): Rows(20, 20),
    }  # fmt: skip
    for (queries, group), wanted in few.items():
        assert choose_rows(AVX512, queries, group, 64) == wanted
    assert choose_rows(AVX512, 1, 100, 64).packed == 1  # no tile holds them


def test_many_queries_or_few_keys_have_the_other_kernel() -> None:
    bound = load("line/full").bind()
    few = {
        lengths: Tiles(bound, AVX512).rows(bind_call(bound, *qkv(*lengths))) != MANY
        for lengths in ((65, 1000), (64, 1000), (10, 79), (10, 80), (1, 7), (1, 8))
    }
    assert list(few.values()) == [False, True, False, True, False, True]


def test_products_of_pairs_are_used_where_they_are_fast() -> None:
    bound, sizes = load("line/causal").bind(), Sizes(0, 0, 64, 64, dtype="bfloat16", rows=4)
    texts = [
        print_module(lower(bound, sizes, machine), bound, machine).text
        for machine in (AVX512_BF16, AMX)
    ]
    assert ["dpbf16ps" in text for text in texts] == [True, False]


def test_columns_that_fill_no_register_are_no_lanes() -> None:
    assert choose_rows(AVX512, 1, 1, 15) == Rows(16, 1)


def test_shares() -> None:
    assert choose_shares(4, 65536, 2) == 1
    assert choose_shares(1, 65536, 2) == 2
    assert choose_shares(3, 65536, 2) == 2
    assert choose_shares(1, 511, 2) == 1
    assert choose_shares(1, 1500, 8) == 5
    assert choose_shares(0, 0, 1) == 1


def test_the_number_of_queries_compiles_nothing_new() -> None:
    op = attnc.compile("line/mistral", w=41)
    for q_len in (5, 6, 7, 8):
        op(*qkv(q_len, 100))
    assert tiles(op) == {(8, 1)}


# What it computes


@pytest.mark.parametrize("dim", [80, 96, 128])
@pytest.mark.parametrize(("heads", "kv_heads"), [(2, 2), (6, 2), (4, 1), (8, 1)])
def test_ratios(streaming: Operator, dim: int, heads: int, kv_heads: int) -> None:
    assert_right(streaming, *qkv(1, 700, heads=heads, kv_heads=kv_heads, dim=dim, batch=2))


def test_tiles_of_many_rows(streaming: Operator) -> None:
    for q_len, heads in ((9, 1), (12, 4), (64, 3)):
        assert_right(streaming, *qkv(q_len, 600, heads=heads, kv_heads=1, dim=16))
    assert {(16, 1), (48, 4), (48, 3)} <= tiles(streaming)


def test_threads_share_keys(streaming: Operator, threads: int) -> None:
    """Shares without a key in the pattern, and one that starts amid the partial tiles."""
    q, k, v = qkv(2, 3000, heads=4, kv_heads=1, dim=64)
    for start in (0, 170, 2000, 2998):
        assert_right(streaming, q, k, v, q_start=start)
    assert_right(streaming, q, k, v, q_start=-5)


def test_the_same_bits_again(threads: int) -> None:
    op = attnc.compile("line/full")
    q, k, v = qkv(1, 5000, heads=4, kv_heads=1, dim=64)
    out = op(q, k, v)
    assert all(torch.equal(op(q, k, v), out) for _ in range(5))


GUARDED = """
import ctypes, mmap, torch, attnc
PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)

def guarded(keys, dim, dtype):
    '''A tensor [1, 1, keys, dim] that ends where memory that cannot be read begins.'''
    size = keys * dim * dtype.itemsize
    room = mmap.mmap(-1, -(-size // PAGE) * PAGE + PAGE)
    at = ctypes.addressof(ctypes.c_char.from_buffer(room)) + len(room) - PAGE
    assert libc.mprotect(ctypes.c_void_p(at), PAGE, 0) == 0
    found = torch.frombuffer(room, dtype=dtype, offset=len(room) - PAGE - size, count=keys * dim)
    return found.view(1, 1, keys, dim).normal_()

op = attnc.compile("line/full")
for dtype in (torch.float32, torch.bfloat16):
    for keys in (9, 17, 33, 100, 271):
        k, v = guarded(keys, 64, dtype), guarded(keys, 64, dtype)
        q = torch.randn(1, 1, 1, 64).to(dtype)
        wanted = attnc.reference("line/full")(q, k, v)
        torch.testing.assert_close(op(q, k, v).double(), wanted, atol=2e-2, rtol=2e-2)
print("read")
"""


@pytest.mark.skipif(not hasattr(mmap, "PROT_READ"), reason="no memory protection by mmap")
def test_nothing_is_read_beyond_the_keys() -> None:
    """Pages of later tiles are read in advance, those that exist."""
    run = subprocess.run(
        [sys.executable, "-c", GUARDED], capture_output=True, text=True, timeout=120, check=False
    )
    assert (run.returncode, run.stdout) == (0, "read\n"), run.stderr


def test_later_pages_are_read() -> None:
    """Of 4 KiB: a tile of 16 keys of 512 bytes has two, and so has one of values."""
    bound, sizes = load("line/causal").bind(), Sizes(0, 0, 128, 128, rows=4, packed=4)
    text = print_module(lower(bound, sizes, AVX512), bound, AVX512).text
    assert text.count("'attnc.read_byte'") == 4


def test_padded_caches(streaming: Operator, threads: int) -> None:
    """What lies beyond `kv_len` is never read."""
    q, k, v = qkv(3, 900, batch=4, heads=4, kv_heads=2, dim=64)
    lengths = (900, 1, 0, 517)
    for x in (k, v):
        for entry, length in enumerate(lengths):
            x[entry, :, length:] = torch.nan
    starts = int32(897, 0, 4, 515)
    assert_right(streaming, q, k, v, kv_len=int32(*lengths), q_start=starts)


def test_cropped_caches(streaming: Operator) -> None:
    q, k, v = qkv(2, 901, heads=4, kv_heads=1, dim=64)
    whole = streaming(q, k, v)
    found = assert_right(streaming, q, k[:, :, 700:], v[:, :, 700:], k_start=700)
    assert found.isfinite().all() and not torch.equal(found, whole)  # the sinks are gone
    assert_right(streaming, q, k, v, k_start=-450)


def test_views(streaming: Operator) -> None:
    """Rows before heads, odd strides and offsets, and one tensor for all heads."""
    whole = torch.randn(2, 400, 7, 85)
    q = whole[1:, 3:5, :4, 1:81].transpose(1, 2)
    k, v = (whole[:1, :, h : h + 2, 3:83].transpose(1, 2) for h in (3, 5))
    assert torch.equal(streaming(q, k, v), streaming(*(x.contiguous() for x in (q, k, v))))
    assert_right(streaming, q, k[:, :1].expand(1, 2, 400, 80), v, q_start=398)


def test_scores_of_packed_heads() -> None:
    op = attnc.compile(ALIBI)
    slope = torch.tensor([0.5, 0.1, 0.0, -0.2, 0.03, 0.7])
    assert_right(op, *qkv(2, 300, heads=6, kv_heads=2, dim=32), slope=slope)
    assert_right(op, *qkv(5, 300, heads=6, kv_heads=2, dim=16), slope=slope)
    assert tiles(op) == {(6, 3), (15, 3)}


def test_tables_of_packed_heads() -> None:
    op = attnc.compile("score/relative_bias", r=40)
    table = torch.randn(8, 81)
    assert_right(op, *qkv(2, 130, heads=8, kv_heads=2, dim=32), table=table)


def test_documents_of_packed_heads() -> None:
    op = attnc.compile("input/document")
    doc = torch.arange(700, dtype=torch.int32).div(90, rounding_mode="floor").expand(2, 700)
    assert_right(op, *qkv(3, 700, heads=6, kv_heads=3, dim=32, batch=2), doc=doc)


def test_masks_by_head_are_not_packed() -> None:
    bound = load(BY_HEAD).bind()
    assert mask_by_head(bound, 4, 2) and not mask_by_head(load(ALIBI).bind(), 4, 2)
    op = attnc.compile(BY_HEAD)
    assert_right(op, *qkv(2, 600, heads=4, kv_heads=2, dim=32))
    assert tiles(op) == {(2, 1)}


def test_float64() -> None:
    op = attnc.compile("line/mistral", w=260)
    given = [x.double() for x in qkv(1, 300, heads=4, kv_heads=2, dim=24)]
    found, lse = op(*given, return_lse=True)
    wanted, wanted_lse = attnc.reference("line/mistral", w=260)(*given, return_lse=True)
    torch.testing.assert_close(found, wanted, atol=1e-13, rtol=1e-13)
    torch.testing.assert_close(lse, wanted_lse, atol=1e-13, rtol=1e-13)


@pytest.mark.parametrize("machine", [AVX2, NEON, GENERIC], ids=lambda m: m.name)
def test_a_lower_machine_gives_the_same_numbers(machine: Machine) -> None:
    if host_machine() is not AVX512 and machine is not GENERIC:
        machine = GENERIC
    bound = load("line/mistral").bind(w=500)
    q, k, v = qkv(1, 610, heads=2, kv_heads=1, dim=36, value_dim=20)
    wanted, wanted_lse = attnc.reference("line/mistral", w=500)(q, k, v, return_lse=True)
    source = print_module(
        lower(bound, Sizes(0, 0, 36, 20, rows=2, packed=2), machine), bound, machine
    )
    run, plan = build.load(build.to_llvm(source.text, build.host()), "main", "plan")
    out, lse = torch.empty(1, 2, 1, 20), torch.empty(1, 2, 1)
    rows, scale = [Row(0, 0, 609, 0, 1, 610)], 1 / math.sqrt(36)
    kernel = kernels.LoadedKernel(run, plan, source.facts)
    launch(kernel, Arguments(q, k, v, out, lse, rows, {}, {}, scale))
    torch.testing.assert_close(out.double(), wanted, atol=2e-6, rtol=2e-6)
    torch.testing.assert_close(lse.double(), wanted_lse, atol=5e-6, rtol=2e-6)
