"""Triton kernels compiled ahead of time: in parallel processes, and once for each source.

Reports are kept in the disk cache under a hash of the job; machine code is made again when asked
for, as it is large and takes a second.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from queue import LifoQueue
from typing import Any

from attnc.dsl.errors import PackageMissing
from attnc.runtime import cache as disk
from attnc.runtime.gpu.report import KernelReport, Work

LIMIT = 300.0  # seconds of a compilation
REPORT = "report.json"
MAKERS = ("worker", "sass", "amdgcn", "code", "model", "report", "resources", "targets")
Options = Mapping[str, int | bool | str]


@dataclass(frozen=True, slots=True)
class Job:
    """A kernel of some Triton source to be compiled for a target.

    `signature` gives Triton's type of every argument (`constexpr` for those in `constants`),
    `divisible` the arguments that are multiples of 16, `options` num_warps, num_stages and more,
    `work` what an iteration computes.
    """

    source: str
    name: str
    target: str
    signature: Mapping[str, str]
    constants: Mapping[str, Any]
    divisible: tuple[str, ...]
    options: Options
    work: Work

    @property
    def key(self) -> str:
        """The name of its report in the cache."""
        parts = json.dumps(asdict(self), sort_keys=True), version("triton"), _own_sources()
        return "gpu-" + hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


class LostWorkerError(Exception):
    """A worker crashed or was too slow."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a kernel could not be compiled, in Triton's words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A kernel's report and the files asked for, by the names that Triton gives its stages."""

    report: KernelReport
    files: Mapping[str, str] = field(default_factory=dict)


def require_triton() -> None:
    """Raise `PackageMissing`: triton is an extra of the package."""
    if find_spec("triton") is None:
        raise PackageMissing("compiling for a GPU", "triton", "triton")


def reports(jobs: Sequence[Job], processes: int | None = None) -> list[KernelReport | Failed]:
    """The report of each job, from the cache or compiled now; in the order of the jobs."""
    with Workers(processes) as workers:
        return list(workers.threads.map(lambda job: _report(job, workers), jobs))


def compiled(job: Job, *keep: str) -> Compiled | Failed:
    """One kernel with files: any of ttir, ttgir, ptx, sass and cubin (in base64), or amdgcn."""
    with Workers(1) as workers:
        try:
            answer = workers.ask(asdict(job) | {"keep": keep})
        except LostWorkerError as reason:
            return Failed(str(reason))
    if "failure" in answer:
        return Failed(answer["failure"])
    return Compiled(KernelReport.from_dict(answer["report"]), answer["files"])


def _report(job: Job, workers: "Workers") -> KernelReport | Failed:
    def make() -> dict[str, str]:
        return {REPORT: json.dumps(workers.ask(asdict(job) | {"keep": ()}))}

    try:
        answer = json.loads(disk.fetch(job.key, make)[REPORT])
    except LostWorkerError as reason:  # not kept: a busy machine may be to blame
        return Failed(str(reason))
    if "failure" in answer:
        return Failed(answer["failure"])
    return KernelReport.from_dict(answer["report"])


class Workers:
    """Processes that compile, started when there is work: a context manager."""

    def __init__(self, processes: int | None = None) -> None:
        count = processes or os.cpu_count() or 1
        self.threads = ThreadPoolExecutor(count)
        self._idle: LifoQueue[subprocess.Popen[str] | None] = LifoQueue()
        for _ in range(count):
            self._idle.put(None)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self.threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            process = self._idle.get()
            if process is not None:
                _end(process)

    def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """A worker's answer to a job. Raises `LostWorkerError`."""
        process = self._idle.get() or _start()
        timer = threading.Timer(LIMIT, process.kill)
        timer.start()
        try:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        finally:
            timer.cancel()
        if line:
            self._idle.put(process)
            answer: dict[str, Any] = json.loads(line)
            return answer
        _end(process)
        self._idle.put(None)
        raise LostWorkerError(f"the compiler crashed or took more than {LIMIT:.0f} s")


def _start() -> "subprocess.Popen[str]":
    """A worker that finds the package where this process found it."""
    environment = {n: x for n, x in os.environ.items() if n != "TRITON_INTERPRET"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        [sys.executable, "-m", "attnc.runtime.gpu.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )


def _end(process: "subprocess.Popen[str]") -> None:
    """Close its input, upon which it leaves; kill it if it does not."""
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


@cache
def _own_sources() -> str:
    """A hash of the files that make reports."""
    files = [Path(__file__).with_name(f"{name}.py") for name in MAKERS]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
