"""Kernels compiled ahead of time: their resources, loops, and what is said of bad ones."""

from dataclasses import replace
from pathlib import Path

import pytest

from attnc.runtime.gpu import aot
from attnc.runtime.gpu.report import KernelReport
from attnc.runtime.gpu.targets import GPUS, find
from tests.runtime.gpu.kernel import LINES, job

pytest.importorskip("triton")
TARGETS = ("cuda:sm_80", "cuda:sm_90", "cuda:sm_100", "hip:gfx942")
GREEDY = job("cuda:sm_90", rows=256, keys=128, warps=4)  # wants more registers than there are


@pytest.fixture(scope="module")
def found() -> dict[str, KernelReport | aot.Failed]:
    jobs = {target: job(target) for target in TARGETS}
    jobs |= {"greedy": GREEDY}
    return dict(zip(jobs, aot.reports(list(jobs.values())), strict=True))


@pytest.mark.parametrize("target", TARGETS)
def test_the_two_loops_of_a_kernel(target: str, found: dict[str, KernelReport]) -> None:
    report = found[target]
    assert report.resources.warps == 4 and not report.spilled and not report.resources.serialised
    full, masked = report.loops
    assert [full.line, masked.line] == LINES
    assert full.mma_share == masked.mma_share == (1.5 if "hip" in target else 1.0)  # all were seen
    assert 5 < full.per_element < masked.per_element < 40
    tests = "compare, select"
    assert masked.counts[tests] > full.counts.get(tests, 0)
    assert full.bound.clocks >= full.bound.cycles["mma"]
    assert report.occupancy.blocks >= 1
    assert KernelReport.from_dict(report.to_dict()) == report


def test_spills_and_serialised_products_are_seen(found: dict[str, KernelReport]) -> None:
    greedy = found["greedy"]
    assert greedy.spilled and greedy.resources.serialised
    assert sum(loop.counts.get("spill", 0) for loop in greedy.loops) > 0


def test_reports_come_from_the_cache(
    found: dict[str, KernelReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aot, "_start", lambda: pytest.fail("compiled again"))
    assert aot.reports([GREEDY]) == [found["greedy"]]


def test_files_of_a_kernel() -> None:
    made = aot.compiled(job("cuda:sm_90"), "ttgir", "ptx", "sass", "cubin")
    assert isinstance(made, aot.Compiled)
    assert ".target sm_90a" in made.files["ptx"] and "HGMMA" in made.files["sass"]
    assert "ttg." in made.files["ttgir"] and made.files["cubin"].startswith("f0VMRg")  # \x7fELF


def test_failures_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNC_CACHE_DIR", str(tmp_path))
    good = job("cuda:sm_90")
    wrong = replace(good, source=good.source.replace("tl.exp2(", "tl.exp7("))
    crash = replace(good, source="import os\nos._exit(3)\n" + good.source)
    for bad, reason in ((wrong, "exp7"), (crash, "crashed")):
        (answer,) = aot.reports([bad], processes=1)
        assert isinstance(answer, aot.Failed) and reason in answer.reason


def test_targets() -> None:
    assert {gpu.target for gpu in GPUS.values()} == set(GPUS)
    assert find("cuda:sm_90").number == 90 and find("hip:gfx950").number == "gfx950"
    assert find("cuda:sm_86").block_shared == 99 << 10
