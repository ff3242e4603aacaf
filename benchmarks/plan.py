"""What it takes to find the tiles of a pattern: attnc's loops against a block mask.

attnc's kernels run these loops as they go. Here they run alone and write down every tile, for all
rows of queries, as a kernel with many loops has it done: the work of `create_block_mask`.
"""

from collections.abc import Callable

import torch

import attnc
from attnc.compiler import pipeline
from attnc.compiler.elaborate import Sizes
from attnc.runtime.cpu import build
from attnc.runtime.cpu.kernels import LoadedKernel, Schedule
from attnc.runtime.cpu.lower import lower, print_module
from attnc.runtime.cpu.schedule import schedule
from attnc.runtime.peers import functions_of
from attnc.runtime.timing import Work
from benchmarks.measure import Figures, duel
from benchmarks.memory import OURS, THEIRS, growth
from benchmarks.patterns import Pattern


def measure(pattern: Pattern, length: int, compiled: bool, budget: float) -> Figures:
    """Seconds of both in turns, all compiled beforehand, and the memory that each needs more."""
    plan, block_mask = planner(pattern, length), maker(pattern, length, compiled)
    plan(), block_mask()
    pairs = duel(plan, block_mask, budget)
    facts = growth(OURS, plan) | growth(THEIRS, block_mask)
    return Figures(pairs.first, pairs.second, facts)


def block_mask(pattern: Pattern, length: int, compiled: bool, budget: float) -> Figures:
    """`attnc.flex.block_mask`, which reads and analyses the spec at each call, against theirs."""
    inputs = pattern.inputs(1, length)

    def ours() -> object:
        return attnc.flex.block_mask(pattern.spec, seq=length, **pattern.parameters, **inputs)

    theirs = maker(pattern, length, compiled)
    ours(), theirs()
    pairs = duel(ours, theirs, budget)
    return Figures(pairs.first, pairs.second, growth(OURS, ours) | growth(THEIRS, theirs))


def planner(pattern: Pattern, length: int) -> Callable[[], Schedule]:
    """A call that counts the tiles to visit, orders the work and fills the table of all tiles."""
    bound, host = pattern.compile().bound, build.host()
    kernel = lower(bound, Sizes(head_dim=64, value_dim=64), host.machine)
    tabled = pipeline.parse(str(kernel).replace('by "loops"', 'by "table"'))
    source = print_module(tabled, bound, host.machine)
    run, plan = build.load(build.to_llvm(source.text, host), "main", "plan")
    loaded = LoadedKernel(run, plan, source.facts)
    rows = torch.tensor([[0, 0, 0, 0, length, length]], dtype=torch.int32)

    def work() -> Schedule:
        loaded.schedules.clear()
        return schedule(loaded, rows, [], 1)

    return work


def maker(pattern: Pattern, length: int, compiled: bool) -> Work:
    """A call of `create_block_mask` with the pattern's mask function."""
    from torch.nn.attention.flex_attention import create_block_mask

    torch._dynamo.reset()
    bound = pattern.compile().bound
    rows = torch.empty(1, 1, length, 1)
    keep = functions_of(bound, rows, rows, pattern.inputs(1, length)).mask
    make = torch.compile(create_block_mask) if compiled else create_block_mask
    return lambda: make(keep, None, None, length, length, device="cpu")
