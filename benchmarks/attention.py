"""One attention against a peer: forward or backward, square or decoding."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.errors import AttnError
from attnc.dsl.program import Bound
from attnc.runtime import peers
from attnc.runtime.timing import Work, take_turns
from benchmarks.measure import Figures, UnavailableError, check_equal, duel
from benchmarks.patterns import PATTERNS, Grid, Inputs, Pattern
from benchmarks.peak import peak
from benchmarks.reading import mover

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
TOLERANCES = {"fp32": 1e-4, "bf16": 3e-2, "fp16": 5e-3}  # of the largest number
FLOOR = "time, greater floor = 1"
PRODUCTS = {"forward": 2, "backward": 5}  # matrix products over the pairs
Tensors = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A pattern with a shape: q [1, heads, queries or n, d], k and v [1, kv_heads, n, d]."""

    pattern: str
    n: int = 4096
    d: int = 64
    heads: int = 8
    kv_heads: int | None = None
    dtype: str = "fp32"
    queries: int | None = None
    direction: str = "forward"
    grid: tuple[int, ...] = ()

    def __str__(self) -> str:
        tokens = "x".join(map(str, self.grid)) or f"{self.n}"
        lengths = f"Nq {self.queries}, Nk {self.n}" if self.queries else f"N {tokens}"
        heads = f"{self.heads}:{self.kv_heads}" if self.kv_heads else f"{self.heads}"
        return f"{self.pattern}, {lengths}, D {self.d}, H {heads}, {self.dtype}"

    @property
    def chosen(self) -> Pattern:
        """The pattern of that name."""
        return PATTERNS[self.pattern]

    @property
    def useful(self) -> int:
        """Pairs of the pattern, all heads together."""
        if self.queries:  # only patterns in which the last queries see every key are decoded here
            return self.heads * (self.queries * self.n - self.queries * (self.queries - 1) // 2)
        return self.heads * self.chosen.useful(self.n, self.grid)

    @property
    def keywords(self) -> Inputs:
        """What a call is given beside its tensors."""
        where: Inputs = {"grid": self.grid} if self.grid else {}
        return where | self.chosen.inputs(self.heads, self.n)

    @property
    def flops(self) -> float:
        """Multiplications and additions that the pattern's pairs need."""
        return 2.0 * PRODUCTS[self.direction] * self.d * self.useful

    def tensors(self) -> Tensors:
        """The same q, k and v each time."""
        torch.manual_seed(0)
        kind, grad = DTYPES[self.dtype], self.direction == "backward"

        def normal(heads: int, rows: int) -> Tensor:
            return torch.randn(1, heads, rows, self.d).to(kind).requires_grad_(grad)

        kv_heads = self.kv_heads or self.heads
        queries = normal(self.heads, self.queries or self.n)
        return queries, normal(kv_heads, self.n), normal(kv_heads, self.n)


def compare(setup: Setup, peer: str, budget: float) -> Figures:
    """Both in turns, once their results agree; the arithmetic done, and its share of the peak."""
    q, k, v = tensors = setup.tensors()
    with refusals():
        bound, inputs = setup.chosen.compile().bound, setup.chosen.inputs(setup.heads, setup.n)
        theirs = _work(setup, PEERS[peer](bound, q, k, v, inputs, setup.grid), tensors)
        ours = _own(setup, tensors)
        check_equal(ours(), theirs(), TOLERANCES[setup.dtype])
        pairs = duel(ours, theirs, budget)
    facts = {"GFLOP/s": setup.flops / pairs.seconds[0] / 1e9}
    facts["of peak"] = facts["GFLOP/s"] / peak(setup.dtype).gflops
    return Figures(pairs.first, pairs.second, facts)


def against_full(setup: Setup, budget: float) -> Figures:
    """The pattern against attnc's own full attention of this shape, by the pairs visited.

    A forward pass is also compared with the greater of two floors: its visited pairs at the rate of
    full attention, and one pass over the rows.
    """
    tensors, full = setup.tensors(), PATTERNS["full"]
    with refusals():
        plain = replace(setup, pattern="full", grid=())
        ours, theirs = (_own(one, tensors) for one in (setup, plain))
        ours(), theirs()
        pairs = duel(ours, theirs, budget)
    visited = setup.chosen.visited(setup.n, setup.grid)
    per_pair = full.visited(setup.n) / visited / pairs.speedup
    facts = {
        "visited / useful": visited / setup.chosen.useful(setup.n, setup.grid),
        "time per visited pair, full = 1": per_pair,
    }
    if setup.direction == "forward":
        turns = take_turns(mover(*tensors), ours, turns=len(pairs.first), warmup=1)
        rows = turns.seconds[0] / pairs.seconds[0]
        facts |= {"moving the rows, of the time": rows, FLOOR: min(per_pair, 1 / rows)}
    return Figures(pairs.first, pairs.second, facts)


@contextmanager
def refusals() -> Iterator[None]:
    """Report what one side refuses to do as the reason why there are no figures."""
    try:
        yield
    except (AttnError, NotImplementedError) as reason:
        raise UnavailableError(str(reason).splitlines()[0]) from reason


def _own(setup: Setup, tensors: Tensors) -> Work:
    operator, keywords = setup.chosen.compile(), setup.keywords
    return _work(setup, lambda: operator(*tensors, **keywords), tensors)


def _work(setup: Setup, attend: Callable[[], Any], tensors: Tensors) -> Work:
    """The forward pass, or the backward pass alone of one forward pass."""
    return attend if setup.direction == "forward" else peers.gradients(attend, tensors)


def _flex(bound: Bound, q: Tensor, k: Tensor, v: Tensor, inputs: Inputs, grid: Grid) -> Work:
    """FlexAttention, compiled for this shape alone: earlier shapes would make it a dynamic one."""
    torch._dynamo.reset()
    return peers.flex(bound, q, k, v, inputs, grid)


PEERS = {"SDPA": peers.sdpa, "FlexAttention": _flex}
