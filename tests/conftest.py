"""What all tests share: a kernel cache, and golden files that `--update-golden` rewrites."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Workers share the cores: a thread that waits must not keep one from another's work. It is read
# when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files instead of comparing"
    )


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """`golden(path, text)`: the file at `path` says `text`."""
    update = request.config.getoption("--update-golden")

    def compare(path: Path, text: str) -> None:
        wanted = text if text.endswith("\n") else text + "\n"
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted, encoding="utf-8")
            return
        assert path.exists(), f"{path} is missing: run pytest --update-golden"
        assert wanted == path.read_text(encoding="utf-8"), f"differs from {path.name}"

    return compare


@pytest.fixture(scope="session", autouse=True)
def kernel_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test compiles what another did, also in another process of the same run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kernels"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTNC_CACHE_DIR", str(folder))
        yield folder
