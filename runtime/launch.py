"""One call of a CPU kernel: scratch, and the arguments in the kernel's order."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from attnc.dsl.errors import ShapeMismatch
from attnc.runtime.kernels import LoadedKernel
from attnc.runtime.tables import table


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a kernel reads and writes; S sequences, float32.

    `q`, `out`: [S, H, Nq, ...]; `k`, `v`: [S, Hkv, Nk, ...]; `lse`: [S, H, Nq]; `rows`: int32
    [S, 6] with `q_row, k_row, q_start, k_start, q_len, k_len` of each sequence; `tensors`: inputs
    as [S, axes...] in int32 or float32; `numbers`: run-time numbers.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    out: Tensor
    lse: Tensor
    rows: Tensor
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, float]
    scale: float


def launch(kernel: LoadedKernel, a: Arguments) -> None:
    """Fill `out` and `lse` at the rows of every sequence."""
    facts = kernel.facts
    _check_positions(a.rows, facts.longest)
    longest_q, longest_k = (int(n) for n in a.rows[:, 4:6].amax(0))
    tiles, key_tiles = -(-longest_q // facts.tile_q), -(-longest_k // facts.tile_k)
    items = a.rows.shape[0] * a.q.shape[1] * tiles
    threads = max(1, min(torch.get_num_threads(), items))
    floats = torch.empty(threads, facts.floats)
    lists = torch.empty(threads, facts.ints + 2 * key_tiles, dtype=torch.int32)
    numbers = [a.numbers[name] for name in facts.numbers]
    planned = table(kernel, a.rows, numbers, a.q.shape[1]) if facts.tabled else ()
    kernel.run(
        *(a.q, a.k, a.v, a.out, a.lse, a.rows, floats, lists),
        *planned,
        *(a.tensors[name] for name in facts.inputs),
        *numbers,
        *(a.scale, threads, tiles, key_tiles),
    )


def _check_positions(rows: Tensor, longest: int) -> None:
    """Refuse positions at which the kernel's 32-bit arithmetic would overflow."""
    ends = rows[:, 2:4].to(torch.int64) + rows[:, 4:6]
    reached = int(torch.maximum(ends.abs().amax(), rows[:, 2:4].abs().amax()))
    if reached > longest:
        raise ShapeMismatch("q", f"positions up to {longest} for this spec", (reached,))
