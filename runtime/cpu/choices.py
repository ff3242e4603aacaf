"""The keys of the greatest scores of each query."""

from functools import partial

import torch
from torch import Tensor

from attnc.runtime.calls.call import Call
from attnc.runtime.calls.sequences import table, tiles as count_tiles
from attnc.runtime.cpu.arguments import as_entries
from attnc.runtime.cpu.kernels import LoadedKernel
from attnc.runtime.cpu.launch import check_lengths, int_scratch
from attnc.runtime.cpu.schedule import schedule


def best_keys(
    kernel: LoadedKernel, call: Call, count: int, heads: int = 0, units: int = 0
) -> tuple[Tensor, Tensor]:
    """The `count` greatest scores of each query in its pattern, and their keys, best first.

    [B, H, Nq, count] in float32 (float64) and int32. Of equal scores the lower key comes first; a
    query with fewer keys has minus infinity and -1 in the remaining places. A kernel of `units`,
    which are so many, keeps these, for `heads` that choose (0: those of q).
    """
    heads = heads or call.q.shape[1]
    facts = kernel.facts
    check_lengths(facts, call.rows, call.numbers)
    rows = table(facts, call.rows)
    tiles, key_tiles = (count_tiles(facts, rows, side) for side in ("q", "k"))
    numbers = [call.numbers[name] for name in facts.numbers]
    planned = schedule(kernel, rows, numbers, heads)
    threads = torch.get_num_threads()
    shape = (call.q.shape[0], heads, call.q.shape[2], count)
    best = torch.full(shape, -torch.inf, dtype=call.q.dtype)
    picks = torch.full(best.shape, -1, dtype=torch.int32)
    entries = partial(as_entries, len(call.rows))
    kernel.run(
        *(entries(x) for x in (call.q, call.k, best, picks)),
        rows,
        torch.empty(threads, facts.floats + units * facts.tile_q, dtype=best.dtype),
        int_scratch(facts, threads, key_tiles, ()),
        *(planned.order, *planned.table),
        *(entries(call.tensors[name]) for name in facts.inputs),
        *(*numbers, call.scale, threads, tiles, key_tiles),
    )
    return best, picks
