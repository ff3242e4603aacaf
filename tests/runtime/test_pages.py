"""Large results in large pages."""

from pathlib import Path

import pytest
import torch

from attnc.runtime.cpu.pages import LEAST, large_pages

SMAPS = Path("/proc/self/smaps")


def asked_for(x: torch.Tensor) -> bool:
    """Whether the mapping that holds the middle of a tensor was advised to have large pages."""
    middle, inside = x.data_ptr() + x.numel() * x.element_size() // 2, False
    for line in SMAPS.read_text(encoding="ascii", errors="replace").splitlines():
        first = line.split(" ", 1)[0]
        if "-" in first:
            low, high = (int(end, 16) for end in first.split("-"))
            inside = low <= middle < high
        if inside and line.startswith("VmFlags:"):
            return "hg" in line.split()
    return False


@pytest.mark.skipif(not SMAPS.exists(), reason="this system does not say")
def test_only_large_tensors_ask_for_large_pages() -> None:
    if not Path("/sys/kernel/mm/transparent_hugepage").exists():
        pytest.skip("this system has no large pages")
    large, small = (large_pages(torch.empty(n, dtype=torch.uint8)) for n in (LEAST, 1 << 20))
    assert asked_for(large) and not asked_for(small)
    assert float(large.fill_(3).float().mean()) == 3.0
