"""What a proof is, and how failures become one.

What "every length" means: self-attention whose queries are the last of the keys' positions, from
position 0 (`k_start = 0`, `q_start + q_len = k_len`, `1 <= q_len <= k_len`), so square calls,
chunked prefill and decoding; under `cross`, two sequences from position 0 with at least one token
each. Run-time integers take every value.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from attnc.compiler.relation import LENGTHS, OPERATIONS, Relation
from attnc.compiler.sets import IntegerSet, guard
from attnc.dsl.errors import AnalysisTooComplex
from attnc.dsl.failures import place

SELF = ("k_start = 0", "q_start + q_len = k_len", "1 <= q_len", "q_len <= k_len")
CROSS = ("k_start = 0", "q_start = 0", "1 <= q_len", "1 <= k_len")
ALIGNED = ("0 <= k_start", "q_start + q_len = k_start + k_len", "1 <= q_len", "q_len <= k_len")

Verdict = Literal["proved", "refuted", "unknown"]


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The least failure: by `n` (the number of keys), then first query position, then head, q, k.

    `q` and `k` are positions; `k` is None where the failure is a query without a key. On a grid
    they are tokens in row-major order, and `grid` are the extents.
    """

    n: int
    q_len: int
    q: int
    k: int | None = None
    h: int | None = None
    grid: tuple[int, ...] = ()

    def of_head(self, head: int | None) -> "Counterexample":
        """The same in a head."""
        return replace(self, h=head)

    def place(self, token: int) -> int | tuple[int, ...]:
        """A position as it is shown: on a grid, the point."""
        return place(token, self.grid)

    def __str__(self) -> str:
        lengths: dict[str, object] = {"grid": self.grid} if self.grid else {"N": self.n}
        if self.q_len != self.n:
            lengths = {"Nq": self.q_len, "Nk": self.n}
        key = None if self.k is None else self.place(self.k)
        shown = (lengths | {"h": self.h, "q": self.place(self.q), "k": key}).items()
        return ", ".join(f"{name} = {value}" for name, value in shown if value is not None)


@dataclass(frozen=True, slots=True)
class Proof:
    """One assertion: its verdict, the least counterexample where there is one, and `reason`: why.

    The reason says how a proof was found where there are several ways, what was derived (a number,
    a rule), or what stands in the way.
    """

    assertion: str
    verdict: Verdict
    seconds: float
    counterexample: Counterexample | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)


def stopwatch(assertion: str) -> Callable[..., Proof]:
    """`proof(verdict, counterexample, reason)`, which knows the seconds since now."""
    start = time.perf_counter()

    def proof(verdict: Verdict, found: Counterexample | None = None, reason: str = "") -> Proof:
        return Proof(assertion, verdict, time.perf_counter() - start, found, reason)

    return proof


def decide(
    assertion: str,
    relation: Relation,
    possible: Callable[[], IntegerSet],
    certain: Callable[[], IntegerSet],
) -> Proof:
    """The verdict from the failures that some, and those that all, tensors lead to."""
    proof = stopwatch(assertion)

    try:
        with guard(OPERATIONS):
            failures = possible()
            if failures.is_empty():
                return proof("proved")
            if not relation.exact:
                failures = certain()
                if failures.is_empty():
                    return proof("unknown", None, "it depends on the values of an input")
            return proof("refuted", least(failures))
    except AnalysisTooComplex as error:
        return proof("unknown", None, str(error))


def least(failures: IntegerSet) -> Counterexample:
    """The least of the failures, a set over the lengths and a place."""
    hidden = [name for name in failures.params if name not in LENGTHS]
    ordered = failures.project_params(*hidden).as_dims("k_len", "k_start", "q_start", "q_len")
    point = ordered.first_point()
    assert point is not None
    return Counterexample(
        point["k_len"], point["q_len"], point["q"], point.get("k"), point.get("h")
    )
