"""The timing tools: turns, statistics, the peak kernel."""

import pytest
import torch

from attnc.runtime.timing import Pairs, take_turns
from benchmarks import peak


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


def test_peak_kernel_multiplies_pairs():
    from attnc.runtime.cpu import build

    host = build.host()
    lanes, dot = host.machine.lanes, host.machine.dot
    if not dot:
        pytest.skip("this CPU has no instruction for pairs of bfloat16")
    [kernel] = build.load(build.to_llvm(peak.script(lanes, dot), host), "main")
    half, out = torch.full((lanes,), 0.5), torch.empty(1, peak.CHAINS, lanes)
    kernel(half, out, 2)
    starts = torch.arange(float(peak.CHAINS))[None, :, None]
    torch.testing.assert_close(out, (starts + 0.5).expand_as(out))


def test_peak_kernel_multiplies_tiles():
    from attnc.runtime.cpu.cpus import host_machine

    if not host_machine().matrices:
        pytest.skip("this CPU has no matrix unit")
    kernel, half, out, states = peak.tiles(2)
    kernel(half, out, states, 3)
    torch.testing.assert_close(out, torch.full((2, 32, 32), 3 * 16 * 0.25))


def test_peak_kernel_multiplies_and_adds():
    from attnc.runtime.cpu import build

    host = build.host()
    lanes = host.machine.lanes
    [kernel] = build.load(build.to_llvm(peak.script(lanes), host), "main")
    half, out = torch.full((lanes,), 0.5), torch.empty(1, peak.CHAINS, lanes)
    kernel(half, out, 2)
    starts = torch.arange(float(peak.CHAINS))[None, :, None]
    torch.testing.assert_close(out, (starts / 4 + 0.75).expand_as(out))
