"""Random calls of a spec in the shapes that break kernels, and how a result is judged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from attnc.compiler.listed import chooser, tests
from attnc.compiler.ranges import reach, table_reach
from attnc.compiler.segments import steps_of
from attnc.dsl.branch import parts
from attnc.dsl.program import Bound
from attnc.dsl.syntax import Input
from attnc.runtime.calls.grids import fitted, segment_lengths, tokens_of

FLOORS = {torch.float64: 1e-14, torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}
SEGMENT = 19  # tokens of a segment beside a grid
SMALL_GRIDS = {1: (97,), 2: (13, 23), 3: (5, 7, 11)}  # extents of grids with so many axes
FACTOR = 2.0  # how many times the eager error is allowed
SMALLEST = 1e-30  # what a floor is relative to where all results are 0


@dataclass(frozen=True, slots=True)
class Trial:
    """The shape of one call.

    `padded` cuts keys with `kv_len`, one entry to none; `packed` makes three sequences of one
    entry; `strided` hands over transposed views. `grid` are the extents of a spec on a grid.
    """

    name: str
    q_len: int
    kv_len: int
    batch: int = 1
    heads: int = 4
    kv_heads: int = 4
    head_dim: int = 64
    value_dim: int = 64
    k_start: int = 0
    padded: bool = False
    packed: bool = False
    strided: bool = False
    grid: tuple[int, ...] = ()

    @property
    def shape(self) -> str:
        """The shape in words, for a table."""
        heads = f"{self.heads}/{self.kv_heads}" if self.kv_heads != self.heads else f"{self.heads}"
        dims = f"{self.head_dim}" + (
            f"/{self.value_dim}" if self.value_dim != self.head_dim else ""
        )
        lengths = f"{self.q_len}" + (f"x{self.kv_len}" if self.kv_len != self.q_len else "")
        tokens = "x".join(map(str, self.grid)) or lengths
        return f"B {self.batch}, H {heads}, N {tokens}, D {dims}"


@dataclass(frozen=True, slots=True)
class Arguments:
    """The tensors of a call, its keywords and the spec's inputs."""

    q: Tensor
    k: Tensor
    v: Tensor
    keywords: dict[str, Any]
    inputs: dict[str, Any]


def trials(seq: int) -> Iterator[Trial]:
    """The calls to try; `seq` is the longest length."""
    yield Trial("square", seq, seq)
    yield Trial("tail", 2 * seq // 3 + 1, 2 * seq // 3 + 1, batch=2, kv_heads=2)
    yield Trial("short", min(5, seq), min(5, seq), kv_heads=1)
    yield Trial("one token", 1, 1)
    yield Trial("decode", 1, seq, kv_heads=1)
    yield Trial("chunk", seq // 3 + 1, seq, kv_heads=2)
    yield Trial("more queries", seq // 2 + 1, seq // 3 + 1)
    yield Trial("padded", seq // 2 + 1, seq, batch=3, padded=True)
    yield Trial("packed", seq, seq, packed=True)
    yield Trial("views", seq // 2 + 1, seq // 2 + 1, batch=2, kv_heads=2, strided=True)
    yield Trial("odd columns", seq // 2 + 3, seq // 2 + 3, head_dim=40, value_dim=24)
    yield Trial("cropped", seq // 3 + 1, seq // 2 + 1, k_start=seq // 4 + 1)


def grid_trials(bound: Bound, grid: Sequence[int] | None, seed: int) -> Iterator[Trial]:
    """The calls to try of a spec on a grid: the extents given, or small ones, and others below."""
    rank = len(bound.grid)
    largest = fitted(bound, grid, SMALL_GRIDS.get(rank, (3,) * rank))
    generator = torch.Generator().manual_seed(seed)

    def trial(name: str, sizes: Sequence[int], **facts: Any) -> Trial:
        extents = fitted(bound, None, sizes)
        tokens = tokens_of(extents, segments=segment_lengths(bound, segment_inputs(bound)))
        return Trial(name, tokens, tokens, grid=extents, **facts)

    def random() -> list[int]:
        return [int(torch.randint(1, n + 1, (), generator=generator)) for n in largest]

    yield trial("whole", largest)
    yield trial("last axis", [*(1 for _ in largest[1:]), largest[-1]], kv_heads=2)
    yield trial("first axis", [largest[0], *(1 for _ in largest[1:])], batch=2)
    yield trial("one point", [1] * rank, kv_heads=1)
    yield trial("random", random(), batch=2, kv_heads=2)
    yield trial("views", random(), batch=2, kv_heads=2, strided=True)
    yield trial("odd columns", random(), head_dim=40, value_dim=24)


def fits(bound: Bound, trial: Trial) -> bool:
    """Whether the spec has such calls: no packed or cropped cross attention, no packed pooling.

    Nor are packed queries in blocks that share a list, packed routes that choose once for a head,
    nor keys that are values of other columns.
    """
    attentions = parts(bound)
    if trial.head_dim != trial.value_dim:
        pools = [part.pool for part in attentions if part.pool is not None]
        if any(pool.keys and pool.keys == pool.values for pool in pools):
            return False
    if trial.packed and any("q" not in route.axes for route in bound.routes):
        return False
    if trial.packed and any(
        chooser(test, bound.inputs[name].axes) > 1
        for part in attentions
        for name, test in tests(part.bound, trial.heads, trial.kv_heads).items()
    ):
        return False
    pooled = any(part.pool is not None for part in attentions)
    return not (bound.cross and (trial.packed or trial.k_start)) and not (pooled and trial.packed)


def make(bound: Bound, trial: Trial, dtype: torch.dtype, seed: int) -> Arguments:
    """Random tensors for a trial."""
    generator = torch.Generator().manual_seed(seed)

    def random(heads: int, length: int, columns: int) -> Tensor:
        shape = (trial.batch, heads, length, columns)
        if trial.strided:
            shape = (trial.batch, length, heads, columns)
        x = torch.randn(shape, generator=generator).to(dtype)
        return x.transpose(1, 2) if trial.strided else x

    q = random(trial.heads, trial.q_len, trial.head_dim)
    k = random(trial.kv_heads, trial.kv_len, trial.head_dim)
    v = random(trial.kv_heads, trial.kv_len, trial.value_dim)
    inputs = random_inputs(bound, trial, generator)
    return Arguments(q, k, v, _keywords(trial), inputs)


def differentiable(bound: Bound, call: Arguments) -> dict[str, Tensor]:
    """The tensors of a call that have a gradient, made to require it, by name."""
    inputs = {name: call.inputs[name] for name, declared in bound.inputs.items() if declared.grad}
    tensors = {"q": call.q, "k": call.k, "v": call.v, **inputs}
    return {n: x.requires_grad_() for n, x in tensors.items() if isinstance(x, Tensor)}


def _keywords(trial: Trial) -> dict[str, Any]:
    found: dict[str, Any] = {"k_start": trial.k_start} if trial.k_start else {}
    found |= {"grid": trial.grid} if trial.grid else {}
    if trial.padded:
        lengths = [trial.kv_len // 2 + 1, trial.kv_len, 0]
        found["kv_len"] = torch.tensor(lengths[: trial.batch], dtype=torch.int32)
    if trial.packed:
        ends = [0, trial.kv_len // 3, trial.kv_len // 3, trial.kv_len]
        found["cu_seqlens"] = torch.tensor(ends, dtype=torch.int32)
    return found


def random_inputs(bound: Bound, trial: Trial, generator: torch.Generator) -> dict[str, Any]:
    """A value for each declared input: sorted small ids for ints, small floats, tables in reach."""
    reaches: dict[str, Any] = {}
    for one in _attentions(bound, trial):
        reaches |= table_reach(one, trial.heads, trial.kv_heads)
    sizes = {"b": trial.batch, "h": trial.heads, "hkv": trial.kv_heads, "token": trial.kv_len}
    sizes |= {"q": trial.q_len, "k": trial.kv_len, "chooser": trial.q_len, "d": trial.head_dim}
    sizes |= {"unit": trial.k_start + trial.kv_len}  # at least as many as there are
    sizes |= {"branch": len(parts(bound))}
    values = {part.pool.values for part in parts(bound) if part.pool is not None}
    found: dict[str, Any] = segment_inputs(bound)
    for name, declared in bound.inputs.items():
        if name in found:
            continue
        if declared.dtype == "set":
            found[name] = random_lists(bound, declared, trial, generator)
            continue
        reach = {"d": int(reaches[name].high) + 1} if name in reaches else {}
        reach |= {"d": trial.value_dim} if name in values else {}
        shape = [(sizes | reach)[axis] for axis in declared.axes]
        if trial.batch > 1 and shape and "b" not in declared.axes:
            shape.insert(0, trial.batch)
        found[name] = _random(declared, shape, trial, generator)
    return found


def segment_inputs(bound: Bound) -> dict[str, Any]:
    """The lengths that a call gives of the segments of a spec."""
    return {name: SEGMENT for name, length in bound.segments if isinstance(length, str)}


def _attentions(bound: Bound, trial: Trial) -> Iterator[Bound]:
    """The attentions that kernels are made for."""
    for part in parts(bound):
        steps = steps_of(part.bound, trial.heads, trial.kv_heads) if part.bound.segments else ()
        yield from (step.bound for step in steps) if steps else (part.bound,)


def random_lists(bound: Bound, declared: Input, trial: Trial, generator: torch.Generator) -> Tensor:
    """Up to 8 entries a list, some of them none."""
    asked = (tests(part.bound, trial.heads, trial.kv_heads) for part in parts(bound))
    test = next((found[declared.name] for found in asked if declared.name in found), None)
    size = max(1, chooser(test, declared.axes)) if test else 1
    length = trial.kv_len + trial.k_start
    first = length - trial.q_len
    lists = (length - 1) // size - first // size + 1 if trial.q_len else 0
    sizes = {"b": trial.batch, "h": trial.heads, "hkv": trial.kv_heads, "q": lists}
    below = reach(test.value, length).high if test else length
    shape = [*(sizes[axis] for axis in declared.axes), 8]
    return torch.randint(-1, max(1, int(min(below, length))), shape, generator=generator)


def _random(declared: Input, shape: list[int], trial: Trial, generator: torch.Generator) -> Any:
    match declared.dtype, shape:
        case "int", []:
            return trial.kv_len // 3
        case "int", _:
            return torch.randint(0, 4, shape, generator=generator, dtype=torch.int32).sort(-1)[0]
        case _, []:
            return 0.5
        case _:
            return 0.1 * torch.randn(shape, generator=generator)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The greatest errors against float64, ours and plain torch's.

    The greatest and the mean error of the rows are each allowed twice plain torch's plus a floor;
    `share` is the greater part of that which is used, at most 1 where all is well. Single rows are
    not compared: plain torch is lucky in some.
    """

    error: float
    plain: float
    share: float

    @property
    def ok(self) -> bool:
        """Whether the errors are within their allowance; never for a NaN."""
        return self.share <= 1.0


def judge(
    found: Tensor, plain: Tensor, exact: Tensor, dtype: torch.dtype, least: float = 0.0
) -> Judgement:
    """Compare results with the float64 ones; a row is the last axis.

    The floor is relative to the largest number of `exact`, or to `least` where that is larger.
    """
    infinite = torch.isinf(exact)
    if not torch.equal(infinite, torch.isinf(found)):
        return Judgement(torch.inf, 0.0, torch.inf)
    found, plain, exact = (x.double().masked_fill(infinite, 0.0) for x in (found, plain, exact))
    if not exact.numel():
        return Judgement(0.0, 0.0, 0.0)
    error, usual = ((x - exact).abs().amax(-1) for x in (found, plain))
    floor = FLOORS[dtype] * max(float(exact.abs().max()), least, SMALLEST)
    shares = [
        measure(error) / (FACTOR * measure(usual) + floor) for measure in (torch.amax, torch.mean)
    ]
    return Judgement(float(error.max()), float(usual.max()), float(max(shares)))


def specialised(
    trial: Trial, heads: int | None, kv_heads: int | None, head_dim: int | None
) -> Trial:
    """The trial with what the user fixed."""
    chosen = heads or trial.heads
    kv_chosen = kv_heads or (trial.kv_heads if chosen % trial.kv_heads == 0 else chosen)
    dims = {"head_dim": head_dim, "value_dim": head_dim} if head_dim else {}
    return replace(trial, heads=chosen, kv_heads=kv_chosen, **dims)  # type: ignore[arg-type]
