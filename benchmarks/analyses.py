"""How long analyses take: the pairs, tiles, proofs and targets of shipped specs."""

import gc
import time
from typing import Any

import attnc
from attnc.compiler.analysis import Analysis, StackAnalysis
from attnc.compiler.proofs import proofs_of
from attnc.dsl.loader import all_shipped, load, load_any
from attnc.dsl.program import Bound, Program
from attnc.runtime.calls.grids import fitted
from attnc.runtime.trials import segment_inputs
from benchmarks.measure import Figures

SEQ, HEADS = 16_384, 8
EXTENTS = {1: (SEQ,), 2: (128, 128), 3: (16, 32, 32)}  # by the number of axes
SPECS, SLOWEST = "specs", "the slowest"


def family(prefix: str, budget: float) -> Figures:
    """Seconds of the specs of a family, each analysed once, for the first time in this process."""
    _warm()
    found = [_seconds(name) for name in all_shipped() if name.startswith(prefix)]
    return Figures(found, facts={SPECS: len(found), SLOWEST: max(found)})


def reaching(budget: float) -> Figures:
    """Seconds to prove what `line/power_attention` says of itself, its reach among that."""
    _warm()
    bound = load("line/power_attention").bind()
    start = time.perf_counter()
    proofs = proofs_of(bound, HEADS, HEADS)
    found = time.perf_counter() - start
    if any(one.verdict != "proved" for one in proofs):
        raise AssertionError(proofs)
    return Figures([found])


def _warm() -> None:
    """Load what a process reads once: isl, and what work costs on this machine.

    What other rows left in memory is not looked through for garbage meanwhile.
    """
    attnc.analyze("line/causal", seq=64)
    attnc.analyze("grid/natten2d", grid=(16, 16))
    gc.collect()
    gc.freeze()


def _seconds(name: str) -> float:
    start = time.perf_counter()
    analysed(name)
    return time.perf_counter() - start


def analysed(name: str) -> Analysis | StackAnalysis:
    """The analysis of a shipped spec with its own parameters, at the size that it is made for."""
    program = load_any(name)
    if not isinstance(program, Program):
        return attnc.analyze_stack(name, heads=HEADS, **_size(program.bind().layers[0]))
    bound = program.bind()
    numbers = {n: 3 for n, one in bound.inputs.items() if one.dtype == "int" and not one.axes}
    heads = bound.listed_heads or HEADS
    given = {**numbers, **segment_inputs(bound), **_size(bound)}
    return attnc.analyze(name, heads=heads, kv_heads=heads, **given)


def _size(bound: Bound) -> dict[str, Any]:
    extents = fitted(bound, None, EXTENTS.get(len(bound.grid), ()))
    return {"grid": extents} if extents else {"seq": SEQ}
