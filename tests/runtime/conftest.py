"""Memory that starts as NaN where a test asks for it."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture
def poisoned() -> Iterator[None]:
    """`torch.empty` gives NaN: an element that a kernel leaves, or reads too early, shows."""
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.empty(100).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)
