"""The keys of the greatest scores of each query."""

import torch
from torch import Tensor

from attnc.runtime.arguments import as_stored
from attnc.runtime.call import Call
from attnc.runtime.kernels import LoadedKernel
from attnc.runtime.launch import check_lengths
from attnc.runtime.schedule import schedule
from attnc.runtime.sequences import table
from attnc.runtime.sequences import tiles as count_tiles


def best_keys(kernel: LoadedKernel, call: Call, count: int) -> tuple[Tensor, Tensor]:
    """The `count` greatest scores of each query in its pattern, and their keys, best first.

    [B, H, Nq, count] in float32 (float64) and int32. Of equal scores the lower key comes first; a
    query with fewer keys has minus infinity and -1 in the remaining places.
    """
    facts = kernel.facts
    check_lengths(facts, call.rows, call.numbers)
    sequences, heads = len(call.rows), call.q.shape[1]
    rows = table(facts, call.rows)
    tiles, key_tiles = (count_tiles(facts, rows, side) for side in ("q", "k"))
    numbers = [call.numbers[name] for name in facts.numbers]
    planned = schedule(kernel, rows, numbers, heads)
    threads = torch.get_num_threads()
    best = torch.full((*call.q.shape[:3], count), -torch.inf, dtype=call.q.dtype)
    picks = torch.full(best.shape, -1, dtype=torch.int32)

    def entries(x: Tensor) -> Tensor:
        return as_stored(x).expand(sequences, *x.shape[1:])

    kernel.run(
        *(entries(x) for x in (call.q, call.k, best, picks)),
        rows,
        torch.empty(threads, facts.floats, dtype=best.dtype),
        torch.empty(threads, facts.ints + 2 * key_tiles, dtype=torch.int32),
        *(planned.order, *planned.table),
        *(entries(call.tensors[name]) for name in facts.inputs),
        *(*numbers, call.scale, threads, tiles, key_tiles),
    )
    return best, picks
