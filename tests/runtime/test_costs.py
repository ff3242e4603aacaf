"""Whether threads pay, and which measured costs count."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import attnc
from attnc.codegen.tvm.machine import AVX512, NEON
from attnc.compiler.elaborate import Sizes
from attnc.runtime.cpu import costs as module
from attnc.runtime.cpu.costs import SHIPPED, Costs, costs, path, store
from attnc.runtime.cpu.lower import tiling
from attnc.runtime.cpu.pool import torch_libgomp
from tests.runtime.test_threads import busy
from tests.runtime.tolerance import qkv

MEASURED = Costs((0.1, 0.05), unit=1.0, start=2.0)


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNC_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(module, "_known", {})


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_the_shipped_until_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert costs(AVX512) == SHIPPED["avx512"]
    store(AVX512, MEASURED)
    assert costs(AVX512) == MEASURED and costs(NEON) == SHIPPED["neon"]
    monkeypatch.setattr(module, "_known", {})
    assert costs(AVX512) == MEASURED


@pytest.mark.parametrize("change", [{"cpu": "another"}, {"attnc": "0.0.0"}, {"unit": None}])
def test_what_another_machine_measured_does_not_count(
    change: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    store(AVX512, MEASURED)
    data = json.loads(path(AVX512).read_text()) | change
    if None in change.values():
        del data["unit"]
    path(AVX512).write_text(json.dumps(data))
    monkeypatch.setattr(module, "_known", {})
    assert costs(AVX512) == SHIPPED["avx512"]


def test_measured_costs_decide_between_tiles() -> None:
    assert tiling(AVX512, Sizes()).rows == (16, 32, 48)
    store(AVX512, MEASURED)
    assert tiling(AVX512, Sizes()).rows == (32, 48) and tiling(AVX512, Sizes()).costs == (200, 100)


def test_threads_start_where_they_pay(three_threads: None) -> None:
    known = Costs((1.0,), unit=0.0, start=1000.0)
    assert known.threads(known.work(100, 10, 1)) == 1
    assert known.threads(known.work(1000, 10, 1)) == 3
    torch.set_num_threads(1)
    assert known.threads(1e9) == 1


@pytest.mark.skipif(
    torch_libgomp() is None or not Path("/proc/self/schedstat").exists(),
    reason="no libgomp in torch, or no times of threads",
)
def test_a_small_call_wakes_no_thread(three_threads: None) -> None:
    op = attnc.compile("line/causal")
    large, small = qkv(2000, heads=8), qkv(10, heads=1)
    op(*large)
    op(*small)
    time.sleep(0.1)  # workers stop to wait for more
    before, own = busy(), str(threading.get_native_id())

    def workers() -> int:
        return sum(t > before.get(name, 0) for name, t in busy().items() if name != own)

    op(*small)
    assert workers() == 0
    op(*large)
    assert workers() == 2
