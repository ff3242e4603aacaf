"""One call of a CPU kernel: scratch, and the arguments in the kernel's order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from attnc.codegen.tvm.kernel import KernelFacts
from attnc.dsl.errors import InvalidValue
from attnc.runtime.calls.call import Call, Row
from attnc.runtime.calls.sequences import table, tiles as count_tiles
from attnc.runtime.calls.sets import Lists
from attnc.runtime.cpu.costs import costs
from attnc.runtime.cpu.cpus import measured_machine
from attnc.runtime.cpu.few import choose_shares
from attnc.runtime.cpu.kernels import Launch, LoadedKernel
from attnc.runtime.cpu.schedule import schedule


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a kernel reads and writes; S sequences.

    `q`, `out`: [S, H, Nq, ...]; `k`, `v`: [S, Hkv, Nk, ...] in the kernel's dtype, bfloat16 as
    uint16; `lse`: [S, H, Nq] in the dtype of the arithmetic; `tensors`: inputs as [S, axes...] in
    int32 or that dtype; `numbers`: run-time numbers; `grid`: the extents of its axes; `lists`:
    those of sets, [S, axes...].
    """

    q: Tensor
    k: Tensor
    v: Tensor
    out: Tensor
    lse: Tensor
    rows: Sequence[Row]
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, float]
    scale: float
    grid: tuple[int, ...] = ()
    lists: Mapping[str, Lists] = field(default_factory=dict)


def launch(kernel: LoadedKernel, a: Arguments) -> None:
    """Fill `out` and `lse` at the rows of every sequence."""
    facts = kernel.facts
    numbers = [a.numbers[name] for name in facts.numbers]
    found = planned(kernel, a)
    floats = torch.empty(found.threads, facts.floats, dtype=a.lse.dtype)
    sets = [a.lists[name] for name in facts.lists]
    lists = int_scratch(facts, found.threads, found.key_tiles, sets)
    kernel.run(
        *(a.q, a.k, a.v, a.out, a.lse, found.rows, floats, lists),
        room_for_shares(found, a.lse, a.v.shape[3]) if facts.split else found.planned.order,
        *found.planned.table,
        *(a.tensors[name] for name in facts.inputs),
        *(x for one in sets for x in (one.start, one.end, one.entries)),
        *numbers,
        *(a.scale, found.threads, found.tiles, found.key_tiles),
        *([found.shares] if facts.split else []),
        *(one.width for one in sets),
    )


def planned(kernel: LoadedKernel, a: Arguments | Call) -> Launch:
    """The launch of a call: that of the last one, which layers of a model repeat, or made."""
    shape = a.q.shape[1], a.q.shape[3] + a.v.shape[3]
    key = (a.rows, a.grid, a.numbers, shape, torch.get_num_threads())
    for known, found in kernel.last:
        if known == key:
            return found
    found = _make(kernel, a, [a.numbers[name] for name in kernel.facts.numbers])
    kernel.last[:] = [(key, found)]
    return found


def _make(kernel: LoadedKernel, a: Arguments | Call, numbers: list[float]) -> Launch:
    facts = kernel.facts
    check_lengths(facts, a.rows, a.numbers)
    rows = table(facts, a.rows, a.grid)
    tiles, key_tiles = (count_tiles(facts, rows, side) for side in ("q", "k"))
    units = len(rows) * a.q.shape[1] // facts.packed * tiles
    planned = schedule(kernel, rows, numbers, a.q.shape[1])
    visits = units * key_tiles if facts.split else planned.visits
    threads = _threads(a, units, visits, facts.tile_q * facts.packed * facts.tile_k)
    shares = choose_shares(units, max(row.k_len for row in a.rows), threads)
    return Launch(rows, tiles, key_tiles, planned, threads, shares)


def int_scratch(
    facts: KernelFacts, threads: int, listed: int, sets: Sequence[Lists], more: int = 0
) -> Tensor:
    """The int32 scratch of each thread: its lists hold `listed` tiles; marks of sets begin as 0.

    Kernels that gather queries want so many `more`.
    """
    marks = sum(one.width for one in sets) * facts.words
    make = torch.zeros if sets else torch.empty
    return make(threads, facts.ints + 2 * listed + marks + more, dtype=torch.int32)


def _threads(a: Arguments | Call, units: int, visits: int, pairs: int) -> int:
    """How many threads a call pays for that visits so many tiles of so many pairs."""
    known = costs(measured_machine())
    return known.threads(known.work(visits * pairs, a.q.shape[3] + a.v.shape[3], units))


def room_for_shares(found: Launch, lse: Tensor, columns: int) -> Tensor:
    """Room for the rows of each share and their log-sum-exp, if they are to be merged."""
    size = found.shares * lse.numel() * (columns + 1) if found.shares > 1 else 0
    return torch.empty(size, dtype=lse.dtype)


def check_lengths(facts: KernelFacts, rows: Sequence[Row], numbers: Mapping[str, float]) -> None:
    """Refuse a call beyond the lengths that a kernel's arithmetic is exact for."""
    _check_positions(rows, facts.longest)
    _check_numbers(numbers, facts.longest)


def _check_positions(rows: Sequence[Row], longest: int) -> None:
    """Refuse positions at which the kernel's 32-bit arithmetic would overflow."""
    for row in rows:
        ends = (row.q_start, row.q_start + row.q_len, row.k_start + row.k_len)
        furthest = max(map(abs, ends))
        if furthest > longest:
            raise InvalidValue("position", f"at most {longest} for this spec", str(furthest))


def _check_numbers(numbers: Mapping[str, float], longest: int) -> None:
    """The same for run-time ints, which the arithmetic takes for distances."""
    for name, value in numbers.items():
        if isinstance(value, int) and abs(value) > longest:
            raise InvalidValue(name, f"an int within {longest} for this spec", f"{value}")
