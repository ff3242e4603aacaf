"""The sequences that a kernel sees: those of the call, or the residue classes or grids of each."""

from collections.abc import Iterable, Sequence
from itertools import product
from math import prod

import torch
from torch import Tensor

from attnc.codegen.tvm.kernel import KernelFacts
from attnc.compiler.residues import rows_from, split
from attnc.runtime.calls.call import Row

Q_LEN, K_LEN, EXTENTS = 4, 5, 6  # columns of the table


def table(facts: KernelFacts, rows: Sequence[Row], grid: tuple[int, ...] = ()) -> Tensor:
    """The row table of a call, int32 [sequences, columns] (see `codegen.tvm.signature`).

    Sequence s * classes + r is class r of sequence s. `grid` are the extents of all axes, where the
    spec has a grid.
    """
    if grid:
        found = [line for row in rows for line in _grids(facts, row, grid)]
    elif len(facts.axes) == 1:
        found = [line for row in rows for line in _classes(row, facts.axes[0][2])]
    else:
        found = [tuple(row) for row in rows]
    return torch.tensor(found, dtype=torch.int32)


def tiles(facts: KernelFacts, found: Tensor, side: str) -> int:
    """The greatest number of tiles of a side (`q` or `k`) that a sequence of the table has."""
    size = facts.tile_q if side == "q" else facts.tile_k
    if len(facts.axes) == 0 or not facts.axes[0][0]:
        return -(-int(found.numpy()[:, Q_LEN if side == "q" else K_LEN].max()) // size)
    ranks = len(facts.axes)
    owned = side == facts.owner
    boxes = [rows for _, rows, _ in facts.axes] if owned else [1] * (ranks - 1) + [size]
    extents = found[:, EXTENTS : EXTENTS + ranks]
    counts = -(-extents // torch.tensor(boxes, dtype=torch.int32))
    return int(counts.prod(dim=1).amax())


def _classes(row: Row, step: int) -> Iterable[tuple[int, ...]]:
    """The lines of the residue classes of a sequence."""
    for one in split(step, row.q_start, row.k_start, row.q_len, row.k_len):
        rows = row.q_row + one.q_first, row.k_row + one.k_first
        yield (*rows, one.q_start, one.k_start, one.q_len, one.k_len)


def _grids(facts: KernelFacts, row: Row, grid: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
    """The grids of every class: where each begins, its extents, and the strides of its points."""
    steps = [step for _, _, step in facts.axes]
    strides = [prod(grid[i + 1 :]) for i in range(len(grid))]
    for residues in product(*map(range, steps)):
        first = sum(r * stride for r, stride in zip(residues, strides, strict=True))
        extents = list(map(rows_from, residues, grid, steps))
        apart = [stride * step for stride, step in zip(strides, steps, strict=True)][:-1]
        points = prod(extents)
        yield (row.q_row + first, row.k_row + first, 0, 0, points, points, *extents, *apart)
