"""Patterns chosen at the call: the whole call, the choice alone, and attention to given lists."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

import attnc
from attnc.compiler.analysis import Lengths
from attnc.dsl.branch import parts
from attnc.runtime import peers
from attnc.runtime.analysis import analyze_at
from attnc.runtime.calls.call import bind_call
from attnc.runtime.cpu.cpus import measured_machine
from attnc.runtime.cpu.units import stretch_of
from attnc.runtime.operator import Operator
from attnc.runtime.routes.select import select
from attnc.runtime.routes.set_lists import of_queries
from attnc.runtime.routes.units import without_units
from attnc.runtime.timing import seconds
from benchmarks.attention import Setup, Tensors
from benchmarks.measure import Figures, duel
from benchmarks.memory import OURS, growth
from benchmarks.patterns import PATTERNS, Inputs

ROUTING, BYTES = "choosing, of the other", "bytes per chosen block"  # columns
OTHER = "time per pair, the other = 1"
BLOCK, BLOCKS = 64, 16  # of queries and keys, and how many of keys a block of queries sees
CHOSEN = """
attention chosen_blocks(block) {
    input chosen: set[h, q]
    mask { k div block in chosen[h, q div block] }
}
"""
NEAREST = """
attention nearest_blocks(block, n) {
    mask { 0 <= q div block - k div block and q div block - k div block < n }
}
"""


def against_causal(spec: str, setup: Setup, budget: float) -> Figures:
    """The call, its choice included, against SDPA over all earlier keys; the time of the choice."""
    q, k, v = tensors = setup.tensors()
    operator, inputs = attnc.compile(spec), gates(spec, setup)
    theirs = peers.sdpa(PATTERNS["causal"].compile().bound, q, k, v, {})
    ours, choice = partial(operator, q, k, v, **inputs), chooser(operator, tensors)
    ours(), choice(), theirs()
    pairs = duel(ours, theirs, budget)
    alone = min(seconds(choice) for _ in range(len(pairs.first)))
    facts = {ROUTING: alone / min(pairs.second), **growth(OURS, ours)}
    return Figures(pairs.first, pairs.second, facts)


def choosing(spec: str, setup: Setup, budget: float) -> Figures:
    """The choice alone: seconds, and the bytes that its lists hold for each block in them."""
    choice = chooser(attnc.compile(spec), setup.tensors())
    lists = next(iter(choice().values()))
    pairs = duel(choice, lambda: None, budget)
    held = lists.numel() * lists.element_size()
    return Figures(pairs.first, (), {BYTES: held / int((lists >= 0).sum())})


def listed(spec: str, setup: Setup, budget: float) -> Figures:
    """Attention to lists that are given, against full attention, by the pairs visited."""
    q, k, v = tensors = setup.tensors()
    operator, full = attnc.compile(spec), PATTERNS["full"]
    lists = chooser(operator, tensors)()
    ours, theirs = partial(operator, q, k, v, **lists), partial(full.compile(), q, k, v)
    ours(), theirs()
    pairs = duel(ours, theirs, budget)
    visited, useful = counts(operator, tensors, lists)
    times = setup.heads * full.visited(setup.n) / visited / pairs.speedup
    facts = {"visited / useful": visited / useful, "time per visited pair, full = 1": times}
    return Figures(pairs.first, pairs.second, facts)


def by_blocks(setup: Setup, budget: float) -> Figures:
    """Random blocks for each block of queries and head, as lists, against the nearest by a formula.

    Where fewer lie before a block of queries, the formula has fewer pairs.
    """
    q, k, v = setup.tensors()
    lists, sizes = drawn(setup)
    ours = partial(attnc.compile(CHOSEN, block=BLOCK), q, k, v, chosen=lists)
    theirs = partial(attnc.compile(NEAREST, block=BLOCK, n=BLOCKS), q, k, v)
    ours(), theirs()
    pairs = duel(ours, theirs, budget)
    listed = int((sizes[lists.long()].sum(-1) * sizes).sum())
    near = attnc.analyze(NEAREST, seq=setup.n, block=BLOCK, n=BLOCKS).useful
    assert near is not None  # nothing of it is read at the call
    return Figures(pairs.first, pairs.second, {OTHER: setup.heads * near / listed / pairs.speedup})


def drawn(setup: Setup) -> tuple[Tensor, Tensor]:
    """Lists of random blocks, ascending, int32 [heads, blocks, BLOCKS], and the tokens of each."""
    count = -(-setup.n // BLOCK)
    generator = torch.Generator().manual_seed(1)
    order = torch.rand(setup.heads, count, count, generator=generator).argsort(-1)
    sizes = (setup.n - BLOCK * torch.arange(count)).clamp_max(BLOCK)
    return order[..., :BLOCKS].sort(-1).values.int(), sizes


def gates(spec: str, setup: Setup) -> Inputs:
    """The gate of NSA's branches."""
    if spec != "route/nsa":
        return {}
    return {"gate": torch.rand(1, setup.n, setup.heads, 3)}


def chooser(operator: Operator, tensors: Tensors) -> Callable[[], Inputs]:
    """A call that chooses the lists of a spec and does no more."""
    q, k, v = tensors
    bound = next(one.bound for one in parts(operator.bound) if one.bound.routes)
    call = bind_call(bound, q, k, v)
    return partial(select, bound, call, {}, {})


def counts(operator: Operator, tensors: Tensors, lists: Inputs) -> tuple[int, int]:
    """The pairs that the kernels of lists visit and those that the pattern has, of all heads.

    The queries of a stretch that chose a block fill tiles, the last of which has room to spare.
    """
    q, k, v = tensors
    [route], heads, length = operator.bound.routes, q.shape[1], q.shape[2]
    call, lengths = bind_call(operator.bound, q, k, v), Lengths(length, length, 0)
    kept = analyze_at(without_units(operator.bound), lengths, None, None, q.shape[3], {})
    assert kept.useful is not None  # nothing of it is read at the call
    chosen, rows = of_queries(route, call, lists[route.name])[0], measured_machine().units[1]
    tiles = 0
    for stretch in torch.split(chosen, stretch_of(heads, length), 1):
        for own in stretch.flatten(1):
            tiles += int((-(-own[own >= 0].bincount() // rows)).sum())
    useful = heads * kept.useful + int((chosen >= 0).sum()) * route.size
    return heads * kept.visited + tiles * rows * route.size, useful
