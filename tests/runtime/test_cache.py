"""The disk cache: shared by processes, bounded, cleared, and safe against half entries."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import attnc
from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime import cache
from attnc.runtime.cpu import kernels
from tests.runtime.tolerance import qkv

USE = """
import sys, torch, attnc
from attnc.runtime.cpu import kernels
made = []
compile_files = kernels.compile_files
kernels.compile_files = lambda *given: made.append(1) or compile_files(*given)
x = torch.linspace(-1, 1, 640).reshape(1, 2, 20, 16)
out = attnc.compile("line/mistral", w=60)(x, x, x)
assert torch.allclose(out.double(), attnc.reference("line/mistral", w=60)(x, x, x), atol=1e-5)
print(len(made))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATTNC_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kernels"


def start() -> subprocess.Popen[str]:
    command = [sys.executable, "-c", USE]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> int:
    """How many kernels the process compiled."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return int(out)


def entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()]


def test_processes_share_one_cache(folder: Path) -> None:
    assert sum(map(finish, [start(), start()])) == 1
    assert len(entries(folder)) == 1
    assert finish(start()) == 0


def test_a_damaged_entry_is_made_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    texts = {"kernel.ll": "code", "facts.json": "{}"}
    monkeypatch.setattr(kernels, "compile_files", lambda *given: made.append(given) or texts)
    bound = load("line/causal").bind()

    def compiled() -> int:
        assert kernels.files(bound, Sizes(head_dim=8, value_dim=8)) == texts
        return len(made)

    assert [compiled(), compiled()] == [1, 1]
    (entry,) = entries(folder)
    (entry / "facts.json").unlink()
    assert [compiled(), compiled()] == [2, 2]
    (entry / "kernel.ll").write_text("changed")
    assert [compiled(), compiled()] == [3, 3]
    (entry / "sums.json").write_bytes(b"\xff")
    assert [compiled(), compiled()] == [4, 4]
    assert len(list(folder.iterdir())) == 2  # the entry and its lock


def store(*keys: str, megabytes: float = 0.5) -> None:
    for key in keys:
        cache.fetch(key, lambda: {"kernel.ll": "x" * int(megabytes * 2**20), "a": "b"})
        past = time.time() - 1000 + 10 * len(entries(cache.kernels()))
        os.utime(cache.kernels() / key, (past, past))


def test_an_entry_is_made_once() -> None:
    made = []
    for _ in range(3):
        found = cache.fetch("key", lambda: made.append(1) or {"a": "text", "b": "é\n"})
        assert found == {"a": "text", "b": "é\n"}
    assert made == [1]


def test_a_failure_leaves_nothing(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        cache.fetch("key", lambda: {"a": str(1 / 0)})
    assert entries(folder) == []
    assert cache.fetch("key", lambda: {"a": "b"}) == {"a": "b"}


def test_size_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNC_CACHE_MB", "2")
    store("one", "two", "three")
    cache.fetch("one", dict)
    store("four")
    assert {path.name for path in entries(folder)} == {"one", "two", "three", "four"} - {"two"}
    store("five", "six")
    assert cache.size(folder) <= 2 << 20


def test_the_newest_stays_whatever_its_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNC_CACHE_MB", "0")
    store("one", "two")
    assert [path.name for path in entries(folder)] == ["two"]


def test_clear(folder: Path) -> None:
    assert cache.clear() == 0
    store("one", "two")
    assert cache.clear() >= 2**20 and not folder.exists()
    store("one")
    assert len(entries(folder)) == 1


def test_an_operator_outlives_its_entry(folder: Path) -> None:
    op = attnc.compile("attention outlives { mask window(5) }")
    wanted = op(*qkv(30))
    cache.clear()
    assert torch.equal(op(*qkv(30)), wanted)


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ATTNC_CACHE_DIR", str(tmp_path / "file"))
    op = attnc.compile("attention unwritable { mask window(6) }")
    with pytest.warns(RuntimeWarning, match="compiled kernels are not kept"):
        assert op(*qkv(30)).isfinite().all()
