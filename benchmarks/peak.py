"""What this machine's arithmetic can do at most, measured in the same minutes as the kernels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from attnc.runtime.timing import seconds

ROUNDS = 20_000_000
CHAINS = 12  # independent accumulators: enough to hide the latency of two multiply-add units


@dataclass(frozen=True, slots=True)
class Peak:
    """Billions of float32 operations a second, on how many threads, and how they were counted."""

    gflops: float
    threads: int
    method: str


def peak() -> Peak:
    """The best of three runs of a loop of multiply-adds that touches no memory.

    Where such a loop cannot be built, a large matrix product of torch stands in, and is labelled.
    """
    threads = torch.get_num_threads()
    try:
        run, lanes = _register_loop()
    except ImportError:
        return Peak(_matmul(), threads, "torch matmul of 2048 x 2048 (a lower bound)")
    operations = 2 * CHAINS * lanes * ROUNDS * threads
    best = min(seconds(run) for _ in range(3))
    return Peak(operations / best / 1e9, threads, "multiply-adds in registers")


def _register_loop() -> tuple[Callable[[], object], int]:
    from attnc.runtime import build

    host = build.host()
    lanes, threads = host.machine.lanes, torch.get_num_threads()
    (kernel,) = build.load(build.to_llvm(script(lanes), host), "main")
    half, out = torch.full((lanes,), 0.5), torch.empty(threads, CHAINS, lanes)
    return lambda: kernel(half, out, ROUNDS), lanes


def script(lanes: int) -> str:
    """TVMScript of a kernel `main(half, out, rounds)`: each thread runs `rounds` rounds.

    Each accumulator is a one-element local buffer, which LLVM keeps in a register. They start apart
    (equal ones could be merged) and converge to 1, so nothing overflows however long the loop runs.
    """
    return "\n".join(_lines(lanes)) + "\n"


def _lines(lanes: int) -> Iterator[str]:
    local = f"'float32x{lanes}', scope='local', annotations={{'disable_lower_builtin': True}}"
    vector = f"T.Ramp(0, 1, {lanes})"
    yield from (
        "@I.ir_module",
        "class Module:",
        "    @T.prim_func(s_tir=True)",
        "    def main(half_: T.handle, out_: T.handle, rounds: T.int64):",
        "        T.func_attr({'global_symbol': 'main', 'tirx.noalias': True})",
        "        threads = T.int64()",
        f"        half = T.match_buffer(half_, ({lanes},), 'float32')",
        f"        out = T.match_buffer(out_, (threads, {CHAINS}, {lanes}), 'float32')",
        "        for t in T.parallel(threads):",
    )
    body = [f"c{i} = T.alloc_buffer((1,), {local})" for i in range(CHAINS)]
    body += [f"c{i}[0] = T.broadcast(T.float32({i}), {lanes})" for i in range(CHAINS)]
    body += ["for r in range(rounds):"]
    body += [f"    c{i}[0] = c{i}[0] * half[{vector}] + half[{vector}]" for i in range(CHAINS)]
    body += [f"out[t, {i}, {vector}] = c{i}[0]" for i in range(CHAINS)]
    yield from (f"            {line}" for line in body)


def _matmul(size: int = 2048) -> float:
    a = torch.randn(size, size)
    best = min(seconds(lambda: a @ a) for _ in range(5))
    return 2 * size**3 / best / 1e9
