"""Several Python threads, torch's thread count, and processes that fork after use."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

import attnc
from attnc.runtime.cpu.pool import torch_libgomp
from attnc.runtime.operator import Operator
from tests.runtime.tolerance import qkv

LIMIT = 60  # seconds until a process counts as hanging
needs_fork = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this platform"
)


@pytest.fixture(scope="module")
def window() -> Operator:
    op = attnc.compile("line/mistral", w=60)
    op(*qkv(100))
    return op


@pytest.fixture
def restored() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def together(count: int, work: Callable[[int], object]) -> list:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_calls_at_once(window: Operator) -> None:
    cases = [qkv(100 + 37 * i, heads=1 + i) for i in range(4)]
    wanted = [window(*case) for case in cases]

    def work(i: int) -> bool:
        return all(torch.equal(window(*cases[i]), wanted[i]) for _ in range(50))

    assert together(4, work) == [True] * 4


def test_first_calls_at_once() -> None:
    """All need the same kernels, which are compiled once."""
    op = attnc.compile("attention at_once { mask window(20) }")
    reference = attnc.reference("attention at_once { mask window(20) }")
    cases = [qkv(70, dim=(16, 24)[i % 2]) for i in range(4)]
    for out, case in zip(together(4, lambda i: op(*cases[i])), cases, strict=True):
        torch.testing.assert_close(out.double(), reference(*case), atol=1e-5, rtol=0)
    assert op.compilations == 2


def test_compiling_at_once() -> None:
    """isl and TVM's parser serve one thread at a time, whichever specs are compiled."""

    def work(i: int) -> tuple[Tensor, Tensor]:
        spec = f"attention a(w = {20 + i}) {{ mask causal & window(w)\n assert causal }}"
        return attnc.compile(spec)(*qkv(50)), attnc.reference(spec)(*qkv(50))

    for out, exact in together(4, work):
        torch.testing.assert_close(out.double(), exact, atol=1e-5, rtol=0)


def test_tables_at_once() -> None:
    """Plans that are tables are remembered per kernel: many lengths from many threads."""
    spec = "attention a { mask neighborhood(13) }"
    op, cases = attnc.compile(spec), [qkv(30 + i) for i in range(40)]
    wanted = [op(*case) for case in cases]

    def work(i: int) -> bool:
        return all(map(torch.equal, (op(*case) for case in cases[i:]), wanted[i:]))

    assert together(4, work) == [True] * 4


def busy() -> dict[str, int]:
    """Nanoseconds on a processor of each thread of this process, by its id."""
    tasks = Path("/proc/self/task").iterdir()
    return {task.name: int((task / "schedstat").read_text().split()[0]) for task in tasks}


@pytest.mark.skipif(
    torch_libgomp() is None or not Path("/proc/self/schedstat").exists(),
    reason="no libgomp in torch, or no times of threads",
)
def test_kernels_follow_torch(window: Operator, restored: None) -> None:
    q, k, v = qkv(3000, heads=8)

    def workers(count: int) -> int:
        """How many threads besides this one worked, at most: a busy machine may wake them late."""
        torch.set_num_threads(count)
        found, own = [], str(threading.get_native_id())
        for _ in range(4):
            window(q, k, v)
            time.sleep(0.1)  # workers stop to wait for more
            before = busy()
            window(q, k, v)
            found.append(sum(t > before.get(n, 0) for n, t in busy().items() if n != own))
        return max(found)

    assert [workers(1), workers(2), workers(1), workers(3)] == [0, 1, 0, 2]


def in_fork(work: Callable[[], bool]) -> int:
    """The status of a forked child that does the work; it is ended if it hangs."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


FORK = """
import torch, attnc
from tests.runtime.test_threads import in_fork
from tests.runtime.tolerance import qkv
op = attnc.compile("line/mistral", w=60)
q, k, v = qkv(300, heads=4)
wanted = op(q, k, v)
threads = {threads}
def work():
    torch.set_num_threads(threads)
    return torch.equal(op(q, k, v), wanted)
print(in_fork(work), torch.equal(op(q, k, v), wanted))
"""


@needs_fork
def test_fork_after_use() -> None:
    """As torch itself, a child must stay with one thread; the parent is as before."""
    command = [sys.executable, "-c", FORK.format(threads=1)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=2 * LIMIT, check=True)
    assert run.stdout.split() == ["0", "True"], run.stderr


class Attended(Dataset):
    """Attention inside of a data loader's worker."""

    def __init__(self, op: Operator) -> None:
        self.op = op

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Tensor:
        return self.op(*qkv(100 + index))[0, :, :100]


@needs_fork
def test_data_loader(window: Operator) -> None:
    loader = DataLoader(
        Attended(window), num_workers=1, multiprocessing_context="fork", timeout=LIMIT
    )
    found = list(loader)
    assert (
        all(torch.equal(x[0], window(*qkv(100 + i))[0, :, :100]) for i, x in enumerate(found))
        and len(found) == 3
    )
