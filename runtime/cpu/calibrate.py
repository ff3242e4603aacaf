"""Measures what work costs on this machine, with kernels of full attention of each height."""

from collections.abc import Callable

import torch

from attnc.compiler.elaborate import Sizes, elaborate
from attnc.compiler.pipeline import Tiling, passes, run
from attnc.dsl.loader import load
from attnc.runtime.calls.call import Row
from attnc.runtime.cpu import build, kernels
from attnc.runtime.cpu.costs import SHIPPED, Costs, costs
from attnc.runtime.cpu.cpus import measured_machine
from attnc.runtime.cpu.launch import Arguments, launch
from attnc.runtime.cpu.lower import print_module
from attnc.runtime.timing import seconds

COLUMNS, ROWS, FEW_KEYS = 64, 960, 8
ROUNDS = 25


def calibrate() -> Costs:
    """The costs of this CPU, from the fastest of interleaved runs on one thread.

    Takes a few seconds, most of them to compile the kernels.
    """
    heights = len(SHIPPED[measured_machine().name].columns)
    measured = [_kernel(measured_machine().vectors - drop) for drop in reversed(range(heights))]
    works = [_call(kernel, keys) for kernel in measured for keys in (ROWS, FEW_KEYS)]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = _fastest(works)
    finally:
        torch.set_num_threads(before)
    long, short = times[0::2], times[1::2]
    pairs = ROWS * (ROWS - FEW_KEYS) * 2 * COLUMNS
    columns = tuple((a - b) / pairs for a, b in zip(long, short, strict=True))
    units = ROWS / measured[-1].facts.tile_q
    unit = max(0.0, short[-1] - columns[-1] * ROWS * FEW_KEYS * 2 * COLUMNS) / units
    return Costs(columns, unit, _start(measured[-1]))


def _kernel(vectors: int) -> kernels.LoadedKernel:
    """Full attention with this many vectors of queries in a tile."""
    host, bound = build.host(), load("line/full").bind()
    machine = measured_machine()
    module = elaborate(bound, Sizes(head_dim=COLUMNS, value_dim=COLUMNS))
    run(module, passes(Tiling((machine.lanes * vectors,), (100,), machine.keys)))
    source = print_module(module, bound, machine)
    main, plan = build.load(build.to_llvm(source.text, host), "main", "plan")
    return kernels.LoadedKernel(main, plan, source.facts)


def _call(kernel: kernels.LoadedKernel, keys: int) -> Callable[[], None]:
    """One head of `ROWS` queries against some keys."""
    q, out = (torch.randn(1, 1, ROWS, COLUMNS) for _ in range(2))
    k, v = (torch.randn(1, 1, keys, COLUMNS) for _ in range(2))
    rows = [Row(0, 0, 0, 0, ROWS, keys)]
    arguments = Arguments(q, k, v, out, out[..., 0].clone(), rows, {}, {}, COLUMNS**-0.5)
    return lambda: launch(kernel, arguments)


def _fastest(works: list[Callable[[], None]]) -> list[float]:
    """The least nanoseconds of each, run in turns."""
    rounds = [[seconds(work) for work in works] for _ in range(ROUNDS)]
    return [1e9 * min(times) for times in zip(*rounds, strict=True)]


def _start(kernel: kernels.LoadedKernel) -> float:
    """How much longer almost nothing takes at least on all threads than on one, nanoseconds."""
    threads = torch.get_num_threads()
    if threads == 1:
        return costs(measured_machine()).start
    plan = kernel.plan
    assert plan is not None
    rows = torch.tensor([[0, 0, 0, 0, 1, 1]], dtype=torch.int32)
    counts, table = torch.zeros(3, dtype=torch.int64), torch.empty(0, dtype=torch.int32)

    def work(count: int) -> Callable[[], None]:
        return lambda: plan(rows, counts, table, 1, 1, count, 0)

    times = _fastest([work(1), work(threads)] * 10)
    return max(0.0, min(times[1::2]) - min(times[0::2]))
