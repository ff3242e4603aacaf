"""The schedule of a call: in which order the units of its work start, and its index table.

Units that visit many tiles start first, so that threads end together. Among units of about the same
work (within a factor of two) neighbours in a head follow each other, as they read the same keys.
"""

from math import prod

import torch
from torch import Tensor

from attnc.runtime.calls.sequences import tiles as count_tiles
from attnc.runtime.cpu.kernels import LoadedKernel, Schedule

KEPT = 8  # schedules that a kernel remembers
NO_ORDER = torch.empty(0, dtype=torch.int32)


def schedule(kernel: LoadedKernel, rows: Tensor, numbers: list[float], heads: int) -> Schedule:
    """The schedule of a call: from the last few, or made. `rows` is the table of its sequences.

    A split kernel takes its units as they are numbered.
    """
    if kernel.facts.split and not kernel.facts.tabled:
        return Schedule(NO_ORDER, 0, ())
    key = rows.numpy().tobytes() + repr((numbers, heads)).encode()
    found = kernel.schedules.get(key)
    if found is None:
        found = _make(kernel, rows, numbers, heads)
        while len(kernel.schedules) >= KEPT:
            kernel.schedules.pop(next(iter(kernel.schedules)), None)
        kernel.schedules[key] = found
    return found


def _make(kernel: LoadedKernel, rows: Tensor, numbers: list[float], heads: int) -> Schedule:
    """Count, order and, for a tabled kernel, sum and fill.

    Offsets are int64 [2 * S * H' * T + 1], where H' is 1 if all heads share a plan and T the
    number of owned tiles; full and partial tiles of an owned tile follow each other.
    """
    planned = heads if kernel.facts.plan_by_head else 1
    tiles = count_tiles(kernel.facts, rows, kernel.facts.owner)
    counts = torch.zeros(2 * rows.shape[0] * planned * tiles + 1, dtype=torch.int64)
    sizes = (*numbers, planned, tiles, torch.get_num_threads())
    assert kernel.plan is not None
    kernel.plan(rows, counts, torch.empty(0, dtype=torch.int32), *sizes, 0)
    work = counts[:-1].view(rows.shape[0], planned, tiles, 2).sum(-1).expand(-1, heads, -1)
    order, visits = ordered(work, prod(step for _, _, step in kernel.facts.axes)), int(work.sum())
    if not kernel.facts.tabled:
        return Schedule(order, visits, ())
    offsets = torch.cat([counts.new_zeros(1), counts[:-1].cumsum(0)])
    table = torch.empty(int(offsets[-1]), dtype=torch.int32)
    kernel.plan(rows, offsets, table, *sizes, 1)
    return Schedule(order, visits, (offsets, table))


def ordered(work: Tensor, classes: int) -> Tensor:
    """The units in the order in which they start, int32 [units], by their work [S, heads, tiles].

    Each tile is followed by that of the next residue class, whose rows lie beside its own.

    >>> ordered(torch.tensor([[[1, 1]], [[1, 1]]]), classes=2).tolist()
    [0, 2, 1, 3]
    """
    units = torch.arange(work.numel()).view(-1, classes, *work.shape[1:])
    near = units.permute(0, 2, 3, 1).flatten()
    return near[heavy_first(work.flatten()[near])].int()


def heavy_first(work: Tensor) -> Tensor:
    """The units by their work, int64 [units], in falling powers of two, as int64 [units].

    >>> heavy_first(torch.tensor([5, 9, 1, 7, 8, 0])).tolist()
    [1, 4, 0, 3, 2, 5]
    """
    _, power = torch.frexp(work.double())
    return power.argsort(descending=True, stable=True)
