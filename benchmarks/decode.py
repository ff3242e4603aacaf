"""Few queries against long keys: reading the keys and values is the work."""

from functools import partial

from benchmarks.attention import Setup
from benchmarks.measure import Figures, duel
from benchmarks.reading import reader


def against_reading(setup: Setup, budget: float) -> Figures:
    """The operator's call against a loop that reads the same keys and values and adds them up."""
    q, k, v = setup.tensors()
    operator = setup.chosen.compile()
    ours, theirs = partial(operator, q, k, v), reader((k, v))
    ours(), theirs()
    pairs = duel(ours, theirs, budget)
    gigabytes = sum(x.numel() * x.element_size() for x in (k, v)) / 1e9
    facts = {"GB/s": gigabytes / pairs.seconds[0], "of the reading loop": pairs.speedup}
    return Figures(pairs.first, pairs.second, facts)
