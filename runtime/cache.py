"""The disk cache of compiled kernels: one folder per kernel, named by the hash of what made it.

`ATTNC_CACHE_DIR` moves it; `ATTNC_CACHE_MB` bounds its size (default 512), the least recently used
entries going first. Writers hold a lock per entry and rename into place, so that processes may
share it.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_dir

DEFAULT_MEGABYTES = 512


def root() -> Path:
    """The folder of the cache; it need not exist."""
    return Path(os.environ.get("ATTNC_CACHE_DIR") or user_cache_dir("attnc"))


def kernels() -> Path:
    """The folder of the kernels."""
    return root() / "kernels"


def fetch(key: str, make: Callable[[], Mapping[str, str]]) -> dict[str, str]:
    """The files of an entry; made and stored if absent, by one process while others wait."""
    entry = kernels() / key
    found = _read(entry)
    if found is not None:
        return found
    kernels().mkdir(parents=True, exist_ok=True)
    with FileLock(kernels() / f"{key}.lock"):
        found = _read(entry)
        if found is not None:
            return found
        files = dict(make())
        _write(entry, files)
    trim()
    return files


def _read(entry: Path) -> dict[str, str] | None:
    """The files of a complete entry, which becomes the most recently used."""
    try:
        files = {path.name: path.read_text() for path in entry.iterdir()}
        os.utime(entry)
    except OSError:
        return None
    return files


def _write(entry: Path, files: Mapping[str, str]) -> None:
    """Write beside the entry, then rename: a reader sees all of it or nothing."""
    fresh = Path(tempfile.mkdtemp(dir=entry.parent, prefix=".new-"))
    for name, text in files.items():
        (fresh / name).write_text(text)
    try:
        fresh.rename(entry)
    except OSError:  # another process was first
        shutil.rmtree(fresh, ignore_errors=True)


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def trim() -> None:
    """Remove the least recently used entries until the cache is within its bound."""
    bound = int(os.environ.get("ATTNC_CACHE_MB", DEFAULT_MEGABYTES)) << 20
    entries = sorted(
        (e for e in kernels().iterdir() if e.is_dir()), key=lambda e: e.stat().st_mtime
    )
    excess = sum(map(size, entries)) - bound
    for entry in entries[:-1]:
        if excess <= 0:
            return
        excess -= size(entry)
        shutil.rmtree(entry, ignore_errors=True)


def clear() -> int:
    """Remove every kernel; the number of bytes freed."""
    freed = size(kernels()) if kernels().exists() else 0
    shutil.rmtree(kernels(), ignore_errors=True)
    return freed
