"""Attention to units of keys that each query chose, added to what the queries have already."""

from functools import partial

import torch
from torch import Tensor

from attnc.codegen.tvm.kernel import KernelFacts
from attnc.runtime.calls.call import Call
from attnc.runtime.calls.sequences import table
from attnc.runtime.cpu.arguments import as_entries
from attnc.runtime.cpu.kernels import LoadedKernel
from attnc.runtime.cpu.launch import check_lengths, int_scratch

STRETCH = 2048  # queries of a head whose outputs stay in a core's cache
FEWEST = 256
UNITS_A_THREAD = 4
VECTOR = 16  # numbers of the longest: scratch of a thread is made of whole ones


def stretch_of(heads: int, queries: int) -> int:
    """How many queries a thread takes at a time, with `heads` of all sequences together."""
    shares = -(-torch.get_num_threads() * UNITS_A_THREAD // heads)
    found = max(FEWEST, min(STRETCH, -(-queries // shares)))
    return -(-found // VECTOR) * VECTOR


def members_room(facts: KernelFacts, units: int, choices: int) -> int:
    """Ints for so many choices by unit, where those of each fill whole tiles, and their ends."""
    return 2 * units + choices + units * facts.tile_q


def add_units(kernel: LoadedKernel, call: Call, chosen: Tensor, out: Tensor, lse: Tensor) -> None:
    """Add to `out` [B, H, Nq, Dv] and `lse` [B, H, Nq] the keys of the chosen units, in place.

    `chosen`: int32 [B, 1 or H, Nq, n], the units that a query chose, each once, -1 for none. Unit u
    are the keys at positions u * size to (u + 1) * size; keys start at position 0. The pairs must
    not be among those that `out` and `lse` are of. All in float32 (float64).
    """
    facts = kernel.facts
    check_lengths(facts, call.rows, call.numbers)
    sequences, heads = len(call.rows), call.q.shape[1]
    queries = max(row.q_len for row in call.rows)
    units = -(-max(row.k_len for row in call.rows) // facts.gathered)
    threads = torch.get_num_threads()
    stretch = stretch_of(sequences * heads, queries)
    query_tiles = -(-stretch * chosen.shape[3] // facts.tile_q)
    room = members_room(facts, units, stretch * chosen.shape[3])
    floats = -(-(facts.floats + stretch * facts.state) // VECTOR) * VECTOR
    entries = partial(as_entries, sequences)
    kernel.run(
        *(entries(x) for x in (call.q, call.k, call.v, out, lse)),
        table(facts, call.rows),
        torch.empty(threads, floats, dtype=lse.dtype),
        int_scratch(facts, threads, query_tiles, (), room),
        entries(chosen),
        *(entries(call.tensors[name]) for name in facts.inputs),
        *(call.numbers[name] for name in facts.numbers),
        *(call.scale, threads, -(-queries // stretch), query_tiles, units, stretch),
    )
