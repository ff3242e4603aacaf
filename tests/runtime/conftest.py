"""One kernel cache for all tests of the runtime, and memory that starts as NaN where asked."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def kernel_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test compiles what another did."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTNC_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


@pytest.fixture
def poisoned() -> Iterator[None]:
    """`torch.empty` gives NaN: an element that a kernel leaves, or reads too early, shows."""
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.empty(100).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)
