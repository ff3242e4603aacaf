"""Whether an output of a routed spec depends on a later token: later tokens are changed.

The mask is proved to be causal by itself; but a choice may look at scores of tokens that the mask
then hides, which only a run shows.
"""

import torch
from torch import Tensor

from attnc.compiler.proofs import Counterexample
from attnc.dsl.errors import DiagnosticsError
from attnc.dsl.program import Bound
from attnc.runtime.calls.grids import fitted, tokens_of
from attnc.runtime.oracle import Reference
from attnc.runtime.trials import Trial, random_inputs

TOKENS = ("token", "q", "k")
LENGTH, DIM, SMALL = 67, 16, 4
SIDES = {1: 67, 2: 8, 3: 4}  # of a grid of so many axes
CUTS = 7  # places after which tokens are changed
SEEDS = 2


def leak(bound: Bound) -> Counterexample | None:
    """A query whose output changed, and the first token that was; None where none did.

    Sizes and numbers are taken small, so that there is more to choose from than is chosen.
    """
    small = _small(bound)
    heads = small.listed_heads or 4
    kv_heads = 2 if heads % 2 == 0 else heads
    rank = len(small.grid)
    grid = fitted(small, None, [SIDES.get(rank, 2)] * rank) if rank else ()
    n = tokens_of(grid) if rank else LENGTH
    trial = Trial("leak", n, n, heads=heads, kv_heads=kv_heads, head_dim=DIM, grid=grid)
    for seed in range(SEEDS):
        for cut in range(1, n, max(1, n // CUTS)):
            row = _changed(small, trial, cut, torch.Generator().manual_seed(seed))
            if row is not None:
                return Counterexample(n=n, q_len=n, q=row, k=cut, grid=grid)
    return None


def _small(bound: Bound) -> Bound:
    """The spec for int parameters of at most `SMALL`; itself where it has no such values."""
    whole = {n: x for n, x in bound.values.items() if isinstance(x, int) and x > SMALL}
    try:
        return bound.program.bind(**{**bound.values, **dict.fromkeys(whole, SMALL)})
    except DiagnosticsError:
        return bound


def _changed(bound: Bound, trial: Trial, cut: int, generator: torch.Generator) -> int | None:
    """The first query before `cut` whose output another tail of tokens changes."""

    def random(heads: int) -> Tensor:
        return torch.randn(1, heads, trial.kv_len, DIM, generator=generator, dtype=torch.float64)

    tensors = [random(heads) for heads in (trial.heads, trial.kv_heads, trial.kv_heads)]
    inputs = random_inputs(bound, trial, generator)
    others = [x.clone() for x in tensors]
    for x in others:
        x[:, :, cut:] = torch.randn(x[:, :, cut:].shape, generator=generator, dtype=x.dtype)
    changed = dict(inputs)
    for name, declared in bound.inputs.items():
        axes = [axis for axis in declared.axes if axis in TOKENS]
        if len(axes) == 1 and declared.dtype == "float":
            x = inputs[name].clone()
            tail = x.narrow(declared.axes.index(axes[0]), cut, trial.kv_len - cut)
            tail.copy_(torch.randn(tail.shape, generator=generator))
            changed[name] = x
    call = Reference(bound)
    grid = trial.grid or None
    before, after = call(*tensors, grid=grid, **inputs)[0], call(*others, grid=grid, **changed)[0]
    wrong = (before != after).any(-1).any(0)[:cut].nonzero().flatten()
    return int(wrong[0]) if len(wrong) else None
