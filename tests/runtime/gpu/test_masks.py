"""What a mask costs a score, in machine code."""

import pytest

from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime.gpu import aot
from attnc.runtime.gpu.configs import Config
from attnc.runtime.gpu.jobs import FORWARD, jobs
from attnc.runtime.gpu.lower_triton import triton_source
from attnc.runtime.gpu.report import KernelReport

pytest.importorskip("triton")
SIZES = Sizes(head_dim=128, value_dim=128, dtype="bfloat16")
CONFIG = Config(128, 64, 8)


def test_a_window_takes_one_selection_and_no_register_too_many() -> None:
    bound = load("line/mistral").bind(w=1024)
    source = triton_source(bound, SIZES, CONFIG.tile, CONFIG.triton)
    (report,) = aot.reports([jobs(source, {FORWARD: CONFIG}, SIZES, "cuda:sm_80")[FORWARD]])
    assert isinstance(report, KernelReport) and not report.spilled
    full, *masked = sorted(loop.per_element for loop in report.loops)
    assert full <= 12.5 and max(masked) - full <= 4.5
