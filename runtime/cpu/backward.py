"""The gradients of one call: scratch, the kernel's arguments, and what it leaves to add up."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product, repeat
from operator import add

import torch
from torch import Tensor

from attnc.codegen.tvm.kernel import KernelFacts
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Call
from attnc.runtime.calls.inputs import computed_in
from attnc.runtime.calls.sequences import table, tiles as count_tiles
from attnc.runtime.calls.sets import Lists
from attnc.runtime.cpu.kernels import LoadedKernel
from attnc.runtime.cpu.launch import check_lengths, int_scratch
from attnc.runtime.cpu.schedule import schedule
from attnc.runtime.cpu.units import members_room
from attnc.runtime.ops import Upstream

TOGETHER = 1 << 17  # numbers that are converted at a time: they stay in the second cache
BALANCED = 4  # units for each thread from which on their number need not be a multiple


@dataclass(frozen=True, slots=True)
class Sums:
    """What the kernel leaves: [B, H, N, columns] in the dtype of the arithmetic, inputs by name."""

    q: Tensor
    k: Tensor
    v: Tensor
    inputs: dict[str, Tensor]


def run(
    bound: Bound,
    kernel: LoadedKernel,
    call: Call,
    given: Upstream,
    layout: str,
    chosen: Tensor | None = None,
) -> Sums:
    """Run the backward kernel of a call; `given` is in the caller's layout, `chosen` are units."""
    facts = kernel.facts
    check_lengths(facts, call.rows, call.numbers)
    sequences, heads, kv_heads = len(call.rows), call.q.shape[1], call.k.shape[1]
    rows = table(facts, call.rows, call.grid)
    gathered = None if chosen is None else _gathered(facts, call, chosen)
    if gathered is None:
        tiles, query_tiles = (count_tiles(facts, rows, side) for side in ("k", "q"))
    else:
        tiles, query_tiles = gathered.tiles, gathered.query_tiles
    splits = _splits(len(rows) * kv_heads, tiles)
    threads = max(1, min(torch.get_num_threads(), len(rows) * kv_heads * splits))
    entries = partial(_entries, sequences)
    d_out, delta, lse = _upstream(call, given, layout)
    d_q, d_k, d_v = _empty(call, splits, facts.width)
    own = splits == 1 and len(rows) == sequences
    sums = {name: _sum(bound, call, name, threads, own) for name in facts.gradients}
    numbers = [call.numbers[name] for name in facts.numbers]
    sets = [_inverse(bound, name, call.lists[name]) for name in facts.lists]
    planned = schedule(kernel, rows, numbers, heads).table if facts.tabled else ()
    kernel.run(
        *map(entries, (call.q, call.k, call.v)),
        *map(entries, (d_out, lse, delta, d_q, d_k, d_v)),
        rows,
        d_q.new_empty(threads, facts.floats),
        int_scratch(facts, threads, query_tiles, sets, gathered.ints if gathered else 0),
        *([] if chosen is None else [entries(chosen)]),
        *planned,
        *(entries(call.tensors[name]) for name in facts.inputs),
        *(x.expand(threads, sequences, *x.shape[2:]) for x in sums.values()),
        *(x for one in sets for x in (entries(one.start), entries(one.end), one.entries)),
        *numbers,
        *(call.scale, threads, tiles, query_tiles),
        *([gathered.units, gathered.room] if gathered else []),
        splits,
        *(one.width for one in sets),
    )
    whole = d_q[..., 0, :] if splits == 1 else d_q.sum(3)
    inputs = _asked(call, {name: x.sum(0) for name, x in sums.items()}, given.wanted)
    return Sums(whole[..., : call.q.shape[3]], d_k, d_v, inputs)


def _entries(sequences: int, x: Tensor) -> Tensor:
    """A tensor [B or 1, ...] with an entry for each sequence."""
    return x.expand(sequences, *x.shape[1:])


def _empty(call: Call, splits: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of each split a dQ of zeros; dK and dV, zeros where the kernel does not write all rows."""
    d_q = torch.zeros(*call.q.shape[:3], splits, width, dtype=computed_in(call.q.dtype))
    make = torch.empty if _covered(call) else torch.zeros
    return d_q, make(call.k.shape, dtype=call.k.dtype), make(call.v.shape, dtype=call.v.dtype)


def _row_products(x: Tensor, y: Tensor) -> Tensor:
    """The sum of products of each two rows, some rows at a time: no copy is as long as a call."""
    found = torch.empty(x.shape[:-1], dtype=computed_in(x.dtype))
    for some in _stretches(tuple(x.shape)):
        torch.sum(x[some].to(found.dtype) * y[some], -1, out=found[some])
    return found


def _stretches(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Parts of [B, H, N, columns] of no more than `TOGETHER` numbers: rows, heads, or entries."""
    room, steps = TOGETHER // max(1, shape[-1]), []
    for size in reversed(shape[:-1]):
        steps.append(max(1, min(room, size)))
        room //= max(1, size)
    for first in product(*map(range, repeat(0), shape[:-1], reversed(steps))):
        yield tuple(map(slice, first, map(add, first, reversed(steps))))


@dataclass(frozen=True, slots=True)
class _Gathered:
    """How many units there are, tiles of them and of the queries of one; the room of a list.

    In `room` ints the queries of a head are sorted, in `ints` those of all heads of a KV head.
    """

    units: int
    tiles: int
    query_tiles: int
    room: int
    ints: int


def _gathered(facts: KernelFacts, call: Call, chosen: Tensor) -> _Gathered:
    queries = max(row.q_len for row in call.rows)
    units = -(-max(row.k_len for row in call.rows) // facts.gathered)
    tiles = units * -(-facts.gathered // facts.tile_k)
    entries = queries * chosen.shape[3]
    room = members_room(facts, units, entries)
    group = call.q.shape[1] // call.k.shape[1]
    return _Gathered(units, tiles, -(-entries // facts.tile_q), room, group * room)


def _covered(call: Call) -> bool:
    """Whether the sequences of a call take up every row of keys, so that all are written."""
    return sum(row.k_len for row in call.rows) == call.k.shape[0] * call.k.shape[2]


def _inverse(bound: Bound, name: str, lists: Lists) -> Lists:
    """The lists as a kernel that owns keys takes them: by value, if they are of queries."""
    return lists.inverse(lists.width) if "q" in bound.inputs[name].axes else lists


def _splits(units: int, tiles: int) -> int:
    """Into how many parts the key tiles of a head go, so that all threads get as many units."""
    threads = torch.get_num_threads()
    if units >= BALANCED * threads:
        return 1
    return max(1, min(threads // math.gcd(units, threads), tiles))


def _upstream(call: Call, given: Upstream, layout: str) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of outputs [B, H, N, Dv], what is taken off dP, and the lse (infinity: no keys)."""
    out, d_out, lse = given.heads_first(call, layout)
    d_out = _columns_together(d_out.to(call.q.dtype))
    delta = _row_products(d_out, out.to(call.q.dtype))
    if given.d_lse is not None:
        delta = delta - given.d_lse
    return d_out, delta, lse.masked_fill(lse == -math.inf, math.inf)


def _columns_together(x: Tensor) -> Tensor:
    return x if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous()


def _sum(bound: Bound, call: Call, name: str, threads: int, own: bool) -> Tensor:
    """Zeros for the gradient of an input, [copies, B or 1, axes...].

    One copy is enough where no two units write the same element: each has its own KV head (`own`),
    or its own keys where they share one. Otherwise each thread has one.
    """
    real = computed_in(call.q.dtype)
    if name in call.numbers:
        return torch.zeros(threads, 1, dtype=real)
    x, axes = call.tensors[name], bound.inputs[name].axes
    own_entry = x.shape[0] == len(call.rows) and not call.packed
    own_keys = own or "k" in axes
    alone = own_entry and own_keys and bool({"h", "hkv"} & {*axes})
    return torch.zeros(1 if alone else threads, *x.shape, dtype=real)


def _asked(call: Call, found: Mapping[str, Tensor], wanted: Sequence[str]) -> dict[str, Tensor]:
    """The gradients asked for; zero for an input that no score reads."""
    empty = torch.zeros(1, dtype=computed_in(call.q.dtype))
    return {
        name: found[name]
        if name in found
        else empty.expand(call.tensors[name].shape if name in call.tensors else (1,))
        for name in wanted
    }
