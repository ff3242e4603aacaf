"""Attention to units of keys that each query chose, added to what the queries have already."""

from functools import partial

import torch
from torch import Tensor

from attnc.dsl.errors import NotBuiltForTarget
from attnc.runtime.arguments import as_entries
from attnc.runtime.call import Call
from attnc.runtime.kernels import LoadedKernel
from attnc.runtime.launch import check_lengths
from attnc.runtime.sequences import table

STRETCH = 2048  # queries of a head whose outputs stay in a core's cache
FEWEST = 256
UNITS_A_THREAD = 4


def stretch_of(heads: int, queries: int) -> int:
    """How many queries a thread takes at a time, with `heads` of all sequences together."""
    shares = -(-torch.get_num_threads() * UNITS_A_THREAD // heads)
    return max(FEWEST, min(STRETCH, -(-queries // shares)))


def add_units(kernel: LoadedKernel, call: Call, chosen: Tensor, out: Tensor, lse: Tensor) -> None:
    """Add to `out` [B, H, Nq, Dv] and `lse` [B, H, Nq] the keys of the chosen units, in place.

    `chosen`: int32 [B, 1 or H, Nq, n], the units that a query chose, each once, -1 for none. Unit u
    are the keys at positions u * size to (u + 1) * size; keys start at position 0. The pairs must
    not be among those that `out` and `lse` are of. All in float32 (float64).
    """
    facts = kernel.facts
    if facts.gathered % facts.tile_k:
        raise NotBuiltForTarget(f"units of {facts.gathered} keys, not of {facts.tile_k}", "cpu")
    check_lengths(facts, call.rows, call.numbers)
    sequences, heads = len(call.rows), call.q.shape[1]
    queries = max(row.q_len for row in call.rows)
    units = -(-max(row.k_len for row in call.rows) // facts.gathered)
    threads = torch.get_num_threads()
    stretch = stretch_of(sequences * heads, queries)
    key_tiles = -(-facts.gathered // facts.tile_k)
    ints = facts.ints + 2 * key_tiles + units + 1 + stretch * chosen.shape[3]
    entries = partial(as_entries, sequences)
    kernel.run(
        *(entries(x) for x in (call.q, call.k, call.v, out, lse)),
        table(facts, call.rows),
        torch.empty(threads, facts.floats, dtype=lse.dtype),
        torch.empty(threads, ints, dtype=torch.int32),
        entries(chosen),
        *(entries(call.tensors[name]) for name in facts.inputs),
        *(call.numbers[name] for name in facts.numbers),
        *(call.scale, threads, -(-queries // stretch), key_tiles, units, stretch),
    )
