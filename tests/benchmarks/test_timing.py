"""The timing tools: turns, statistics, the peak kernel, the page."""

import pytest
import torch

from attnc.runtime.timing import Pairs, take_turns
from benchmarks import peak, report, run
from benchmarks.cases import Case, UnavailableError


def test_turns_alternate_after_the_warm_up():
    log = []
    pairs = take_turns(lambda: log.append("a"), lambda: log.append("b"), turns=3, warmup=1)
    assert log == ["a", "b"] * 4
    assert len(pairs.first) == len(pairs.second) == 3


def test_speedup_is_the_median_of_the_paired_ratios():
    pairs = Pairs((1.0, 2.0, 4.0, 1.0, 1.0), (2.0, 2.0, 4.0, 3.0, 9.0))
    assert pairs.speedup == 2.0
    assert pairs.spread == (1.0, 3.0)
    assert pairs.seconds == (1.0, 3.0)


def test_peak_kernel_multiplies_and_adds():
    from attnc.runtime import build

    host = build.host()
    lanes = host.machine.lanes
    [kernel] = build.load(build.to_llvm(peak.script(lanes), host.cpu), "main")
    half, out = torch.full((lanes,), 0.5), torch.empty(1, peak.CHAINS, lanes)
    kernel(half, out, 2)
    starts = torch.arange(float(peak.CHAINS))[None, :, None]
    torch.testing.assert_close(out, (starts / 4 + 0.75).expand_as(out))


def test_a_case_with_different_outputs_is_not_timed():
    one, two = torch.zeros(3), torch.ones(3)
    with pytest.raises(AssertionError, match="not close"):
        run.measured(lambda: Case(lambda: one, lambda: two), peak.Peak(1.0, 1, ""))


def test_the_page_shows_figures_and_reasons():
    def skipped() -> Case:
        raise UnavailableError("no g++")

    best = peak.Peak(100.0, 2, "by hand")
    timed = run.measured(lambda: Case(lambda: None, lambda: None, 1.0, turns=2), best)
    cases = [timed | {"name": "a", "peer": "b"}]
    cases.append(run.measured(skipped, best) | {"name": "c", "peer": "d"})
    results = {"environment": {"threads": "2"}, "cases": cases, "cold": {"x": 0.5, "y": "skipped"}}
    results["peak"] = {"gflops": 100.0, "method": "by hand"}
    page = report.markdown(results)
    assert "- peak: 100 GFLOP/s in float32 (by hand)" in page
    assert "| c | d | skipped: no g++ |" in page
    assert "- x: 500.0 ms" in page
