"""The disk cache of compiled kernels: one folder per kernel, named by the hash of what made it.

`ATTNC_CACHE_DIR` moves it; `ATTNC_CACHE_MB` bounds its size (default 512), the least recently used
entries going first. Writers hold a lock per entry and rename into place, so that processes may
share it; what is not as it was written is made again.
"""

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_dir

DEFAULT_MEGABYTES = 512
SUMS = "sums.json"  # the SHA-256 of an entry's files
UNFINISHED = ".new-"  # how folders that are no entry yet, or no longer, begin


def root() -> Path:
    """The folder of the cache; it need not exist."""
    return _root(*map(os.environ.get, ("ATTNC_CACHE_DIR", "XDG_CACHE_HOME", "HOME")))


@lru_cache
def _root(own: str | None, *others: str | None) -> Path:
    """The folder by what the environment says: calls ask for it."""
    return Path(own or user_cache_dir("attnc"))


def kernels() -> Path:
    """The folder of the kernels."""
    return root() / "kernels"


def fetch(key: str, make: Callable[[], Mapping[str, str]]) -> dict[str, str]:
    """The files of an entry; made and stored if absent, by one process while others wait.

    Where the folder cannot be written, they are made for this process only, with a warning.
    """
    entry = kernels() / key
    found = _read(entry)
    if found is not None:
        return found
    try:
        kernels().mkdir(parents=True, exist_ok=True)
        lock = FileLock(kernels() / f"{key}.lock")
        lock.acquire()
    except OSError as error:
        warnings.warn(f"compiled kernels are not kept: {error}", RuntimeWarning, stacklevel=2)
        return dict(make())
    try:
        found = _read(entry)
        if found is not None:
            return found
        files = dict(make())
        _write(entry, files)
    finally:
        lock.release()
    trim()
    return files


def _read(entry: Path) -> dict[str, str] | None:
    """The files of an entry, which becomes the most recently used; None if any is not as made."""
    try:
        sums = json.loads((entry / SUMS).read_text())
        files = {name: (entry / name).read_text() for name in sums}
        os.utime(entry)
    except (OSError, ValueError):
        return None
    return files if _sums(files) == sums else None


def _sums(files: Mapping[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}


def _write(entry: Path, files: Mapping[str, str]) -> None:
    """Write beside the entry, then rename: a reader sees all of it or nothing."""
    fresh = Path(tempfile.mkdtemp(dir=entry.parent, prefix=UNFINISHED))
    try:
        for name, text in (*files.items(), (SUMS, json.dumps(_sums(files)))):
            (fresh / name).write_text(text)
        _remove(entry)  # what is there was not as made
        fresh.rename(entry)
    except OSError as error:
        warnings.warn(f"compiled kernels are not kept: {error}", RuntimeWarning, stacklevel=2)
        shutil.rmtree(fresh, ignore_errors=True)


def replace(place: Path, text: str) -> None:
    """Write a file of the cache so that a reader sees the old text or the new."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(place)


def _remove(entry: Path) -> None:
    """Rename out of the way, then delete: no reader sees a part of an entry."""
    if entry.exists():
        doomed = Path(tempfile.mkdtemp(dir=entry.parent, prefix=UNFINISHED))
        with suppress(OSError):  # another process was first
            entry.rename(doomed / entry.name)
        shutil.rmtree(doomed, ignore_errors=True)


def size(folder: Path) -> int:
    """Bytes of all files below a folder, as far as they can be seen."""
    return sum(_stat(path).st_size for path in folder.rglob("*") if path.is_file())


def _stat(path: Path) -> os.stat_result:
    """What is known of a file; nothing but zeros of one that another process just removed."""
    try:
        return path.stat()
    except OSError:
        return os.stat_result((0,) * 10)


def trim() -> None:
    """Remove the least recently used entries until the cache is within its bound."""
    bound = int(os.environ.get("ATTNC_CACHE_MB", DEFAULT_MEGABYTES)) << 20
    folders = (e for e in kernels().iterdir() if e.is_dir() and not e.name.startswith("."))
    entries = sorted(folders, key=lambda e: _stat(e).st_mtime)
    excess = sum(map(size, entries)) - bound
    for entry in entries[:-1]:
        if excess <= 0:
            return
        excess -= size(entry)
        _remove(entry)


def clear() -> int:
    """Remove every kernel; the number of bytes freed."""
    freed = size(kernels()) if kernels().exists() else 0
    shutil.rmtree(kernels(), ignore_errors=True)
    return freed
