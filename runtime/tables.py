"""Index tables of the key tiles to visit, built by the kernel's planner: linear in the tiles."""

import torch

from attnc.runtime.kernels import LoadedKernel, Table

KEPT = 8  # tables that a kernel remembers


def table(kernel: LoadedKernel, rows: torch.Tensor, numbers: list[float], heads: int) -> Table:
    """The table of a call: from the last few, or built. `rows` is int32 [S, 6].

    Offsets are int64 [2 * S * H' * T + 1], where H' is 1 if all heads share a plan and T the
    number of query tiles; full and partial tiles of a query tile follow each other.
    """
    shared = heads if kernel.facts.plan_by_head else 1
    key = rows.numpy().tobytes() + repr((numbers, shared)).encode()
    found = kernel.tables.get(key)
    if found is None:
        found = _build(kernel, rows, numbers, shared)
        while len(kernel.tables) >= KEPT:
            kernel.tables.pop(next(iter(kernel.tables)), None)
        kernel.tables[key] = found
    return found


def _build(kernel: LoadedKernel, rows: torch.Tensor, numbers: list[float], heads: int) -> Table:
    """Count, sum, fill."""
    assert kernel.plan is not None
    tiles = -(-int(rows[:, 4].amax()) // kernel.facts.tile_q)
    offsets = torch.zeros(2 * rows.shape[0] * heads * tiles + 1, dtype=torch.int64)
    kernel.plan(rows, offsets, torch.empty(0, dtype=torch.int32), *numbers, heads, tiles, 0)
    offsets = torch.cat([offsets.new_zeros(1), offsets[:-1].cumsum(0)])
    indices = torch.empty(int(offsets[-1]), dtype=torch.int32)
    kernel.plan(rows, offsets, indices, *numbers, heads, tiles, 1)
    return offsets, indices
