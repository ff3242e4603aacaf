"""What the catalogue says of a shipped spec: density, tiles, cache, whether its kernels are right.

Sequences have 16,384 tokens; grids and checks are small. Inputs are random.
"""

import math
import multiprocessing
import resource
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import attnc
from attnc.dsl.comments import summary
from attnc.dsl.diagnostics import AttnError
from attnc.dsl.loader import load_any, load_stack
from attnc.dsl.program import Bound, Program
from attnc.runtime.calls.grids import fitted, segment_lengths, tokens_of
from attnc.runtime.operator import Operator
from attnc.runtime.oracle import Reference
from attnc.runtime.trials import Trial, random_inputs, segment_inputs
from attnc.runtime.view.facts import tiling

SEQ, HEADS = 16_384, 8
NATURAL = {1: (1024,), 2: (32, 32), 3: (4, 16, 16)}  # extents by the number of axes
SMALL = {0: (150,), 1: (150,), 2: (11, 14), 3: (4, 6, 7)}  # of the check
DIRECTIONS = {"forward": "verified", "backward": "trains"}
DIM = 16  # columns of a head, in the check
LIMIT = 60  # seconds of processor time for the check of one spec
TOLERANCE = {"forward": 2e-5, "backward": 1e-4}  # of the largest number, float32 against float64


@dataclass(frozen=True, slots=True)
class Entry:
    """The columns of a row; `bound` is "at most" or "about" where tensors or draws decide."""

    relation: str
    size: str
    density: float | None
    bound: str
    tiles: str
    cache: str
    status: str


def entry(name: str) -> Entry:
    """Everything of a spec with its own parameters; what cannot be found says so."""
    program = load_any(name)
    relation = summary(_text(program))
    if not isinstance(program, Program):
        return _stack(name, relation)
    bound = program.bind()
    status = _attempt(lambda: _status([(attnc.compile(name), Reference(bound))]))
    if bound.routes:  # the pairs are those that queries and keys choose
        return Entry(relation, "", None, "", "", "", status)
    measured = _grid if bound.grid else _sequence
    try:
        return measured(name, bound, relation, status)
    except AttnError as reason:
        return Entry(relation, "", None, "", "", f"not analysed: {_first(reason)}", status)


def unseen(name: str) -> Entry:
    """The row of a spec that has not been looked at."""
    relation = summary(_text(load_any(name)))
    return Entry(relation, "", None, "", "", "", "not checked for this page yet")


def _text(program: Any) -> str:
    source = program.source if isinstance(program, Program) else program.file.source
    return str(source.text)


def _first(reason: Exception) -> str:
    return str(reason).splitlines()[0][:120]


def _attempt(work: Callable[[], str]) -> str:
    try:
        return work()
    except AttnError as reason:
        return f"not run: {_first(reason)}"


def _inputs(bound: Bound, tokens: int, heads: int) -> dict[str, Any]:
    trial = Trial(
        "catalogue", tokens, tokens, heads=heads, kv_heads=heads, head_dim=DIM, value_dim=DIM
    )
    return random_inputs(bound, trial, torch.Generator().manual_seed(1))


def _numbers(bound: Bound, tokens: int) -> dict[str, Any]:
    """The run-time numbers."""
    drawn = _inputs(bound, 8, HEADS)
    numbers = {n: x for n, x in drawn.items() if not isinstance(x, Tensor)}
    return {n: tokens // 3 if isinstance(x, int) else x for n, x in numbers.items()}


def _sequence(name: str, bound: Bound, relation: str, status: str) -> Entry:
    heads = bound.listed_heads or HEADS
    found = attnc.analyze(name, seq=SEQ, heads=heads, kv_heads=heads, **_numbers(bound, SEQ))
    pairs = found.heads * found.q_len * found.kv_len
    size, tile = f"{SEQ:,} tokens", _tile(tiling(bound, heads))
    cache = "grows" if found.cache_bound is None else f"{found.cache_bound:,} keys"
    tiles = f"{tile}, {found.full_share:.0%} full"
    density, word = found.at_most / pairs, "" if found.density is not None else "at most"
    if found.estimate is not None:
        density, word = found.estimate[0], "about"
    return Entry(relation, size, density, word, tiles, cache, status)


def _stack(name: str, relation: str) -> Entry:
    extents = _extents(load_stack(name).bind().layers[0], NATURAL)
    sizes = {"grid": extents} if extents else {"seq": SEQ}
    found = attnc.analyze_stack(name, heads=HEADS, **sizes)
    shares = [one.at_most / (one.heads * one.q_len * one.kv_len) for one in found.layers]
    full = sum(one.tiles.full for one in found.layers)
    visited = full + sum(one.tiles.partial for one in found.layers)
    known = "grows" if found.cache_bound is None else f"{found.cache_bound:,} keys"
    cache = "" if extents else known
    points = "×".join(map(str, extents)) or f"{SEQ:,} tokens"
    size, tiles = f"{points}, {len(shares)} layers", f"{full / visited:.0%} full"
    word = "" if all(one.density is not None for one in found.layers) else "at most"
    layers = {id(one): (one, Reference(one.bound)) for one in attnc.stack(name)}
    status = _attempt(lambda: _status(list(layers.values())))
    return Entry(relation, size, sum(shares) / len(shares), word, tiles, cache, status)


def _grid(name: str, bound: Bound, relation: str, status: str) -> Entry:
    """Counted pair by pair, in the tiles that the compiler chose."""
    extents = _extents(bound, NATURAL)
    tokens, heads = _tokens(bound, extents), bound.listed_heads or HEADS
    pairs = attnc.mask(
        name, grid=extents, heads=heads, kv_heads=heads, **_inputs(bound, tokens, heads)
    ).flatten(0, -3)
    if bound.segments:  # each pair of parts has tiles of its own
        size = "×".join(map(str, extents)) + f" and {tokens - math.prod(extents)} tokens"
        given = {"heads": heads, "kv_heads": heads} | segment_inputs(bound)
        share = attnc.analyze(name, grid=extents, **given).full_share
        tiles = f"those of each pair of parts, {share:.0%} full"
        return Entry(relation, size, float(pairs.double().mean()), "", tiles, "", status)
    tiles = tiling(bound, heads)
    rows, columns = (_order(extents, tiles[side], tiles["steps"]) for side in "qk")
    visited = full = 0
    for head in pairs.numpy():
        ordered = head[np.ix_(rows[0], columns[0])].astype(np.int32)
        inside = _blocks(ordered, rows[1], columns[1])
        whole = np.outer(*(np.diff(side[1], append=tokens) for side in (rows, columns)))
        visited, full = visited + int((inside > 0).sum()), full + int((inside == whole).sum())
    size = "×".join(map(str, extents))
    text = f"{_tile(tiles)}, {full / max(visited, 1):.0%} full"
    return Entry(relation, size, float(pairs.double().mean()), "", text, "", status)


def _extents(bound: Bound, usual: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    return fitted(bound, None, usual.get(len(bound.grid), (4,) * len(bound.grid)))


def _tokens(bound: Bound, extents: tuple[int, ...]) -> int:
    return tokens_of(extents, segments=segment_lengths(bound, segment_inputs(bound)))


def _order(
    extents: tuple[int, ...], sizes: list[int], steps: list[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens by residue class and box, and where each tile begins."""
    places = np.indices(extents).reshape(len(extents), -1)
    residues = [place % step for place, step in zip(places, steps, strict=True)]
    boxes = [p // t // n for p, t, n in zip(places, steps, sizes, strict=True)]
    keys = np.stack([*residues, *boxes])
    order = np.lexsort(keys[::-1])
    changes = (np.diff(keys[:, order], axis=1) != 0).any(0)
    return order, np.concatenate([[0], np.flatnonzero(changes) + 1])


def _blocks(
    pairs: NDArray[np.int32], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.int32]:
    found: NDArray[np.int32] = np.add.reduceat(np.add.reduceat(pairs, rows, 0), columns, 1)
    return found


def _tile(found: dict[str, list[int]]) -> str:
    queries, keys = ("×".join(map(str, found[side])) for side in "qk")
    step = math.prod(found["steps"])
    return f"{queries} by {keys}" + (f", {step} classes" if step > 1 else "")


def _status(layers: Sequence[tuple[Operator, Reference]]) -> str:
    """Whether forward and backward of all layers agree with the float64 reference.

    Found in a process of its own, so that a kernel that takes too long to compile can be given up.
    """
    context = multiprocessing.get_context("fork")
    results: Any = context.Queue()
    process = context.Process(target=_report, args=(layers, results))
    process.start()
    process.join()
    said = []
    while not results.empty():
        said.append(results.get())
    wrong = [text for text in said if text not in DIRECTIONS.values()]
    if wrong:
        return "; ".join(sorted(set(wrong)))
    parts = [text for text in DIRECTIONS.values() if said.count(text) == len(layers)]
    if process.exitcode == -signal.SIGXCPU:
        parts.append(f"given up after {LIMIT} s of processor time")
    elif process.exitcode:
        parts.append(f"the check ended with status {process.exitcode}")
    return ", ".join(parts)


def _report(layers: Sequence[tuple[Operator, Reference]], results: Any) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
    for direction in DIRECTIONS:
        for operator, reference in layers:
            try:
                right = _right(operator, reference, direction)
            except AttnError as reason:
                results.put(f"{direction}: {_first(reason)}")
            else:
                results.put(DIRECTIONS[direction] if right else f"{direction} is WRONG")


def _right(operator: Operator, reference: Reference, direction: str) -> bool:
    bound, generator = operator.bound, torch.Generator().manual_seed(2)
    extents = _extents(bound, SMALL) if bound.grid else SMALL[0]
    shape = (1, bound.listed_heads or HEADS, _tokens(bound, extents), DIM)
    tensors = [torch.randn(shape, generator=generator) for _ in "qkv"]
    keywords = _inputs(bound, shape[2], shape[1]) | ({"grid": extents} if bound.grid else {})
    if direction == "forward":
        return _near(operator(*tensors, **keywords), reference(*tensors, **keywords), direction)
    tensors = [x.requires_grad_() for x in tensors]
    found, wanted = (call(*tensors, **keywords) for call in (operator, reference))
    above = torch.randn(found.shape, generator=generator)
    slopes = torch.autograd.grad(found, tensors, above)
    right = torch.autograd.grad(wanted, tensors, above.double())
    return all(_near(a, b, direction) for a, b in zip(slopes, right, strict=True))


def _near(found: Tensor, wanted: Tensor, kind: str) -> bool:
    error = float((found.detach().double() - wanted.detach()).abs().max())
    return error <= TOLERANCE[kind] * max(1.0, float(wanted.detach().abs().max()))
