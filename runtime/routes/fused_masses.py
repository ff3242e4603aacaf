"""The best units by one kernel, where they are scored by the keys of a branch.

A query's probabilities exist for a tile of queries and a chunk of keys, and become what they give
to units at once.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attnc.compiler.elaborate import Units
from attnc.compiler.fold import substitute
from attnc.dsl import syntax as ast
from attnc.dsl.parser import parse_expression
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import bind_call
from attnc.runtime.calls.options import Options
from attnc.runtime.cpu.choices import best_keys
from attnc.runtime.cpu.runner import SpecRunner
from attnc.runtime.ops import Keywords
from attnc.runtime.routes.candidates import Candidates
from attnc.runtime.routes.fused import ascending, few_best, ranges
from attnc.runtime.routes.masses import Masses

LSE, FIRST, END = "attnc_lse", "attnc_first", "attnc_end"
INPUTS = (
    ast.Input(LSE, "float", ("h", "q"), False),
    ast.Input(FIRST, "int", ("q",), False),
    ast.Input(END, "int", ("q",), False),
)


def fused_masses(worth: Masses, allowed: Candidates, lse: Tensor | None = None) -> Tensor | None:
    """int32 [Hc, C, n] as `choose.best` gives them; None for what needs the general way.

    `lse` [B, H, Nq] is that of the branch, where it is known.
    """
    at, count = allowed.at, few_best(allowed)
    found = ranges(allowed) if count and _fits(worth) else None
    if found is None:
        return None
    q, k = at.q.unsqueeze(0).contiguous(), worth.keys.unsqueeze(0).contiguous()
    q_start, k_start = (torch.tensor([x]) for x in (worth.row.q_start, worth.row.k_start))
    scorer = _scorer(worth.part.bound)
    if lse is None:
        where = Keywords({}, at.scale, q_start, k_start, None, None, None)
        _, own = scorer.attention.run(q, k, k[..., :1], where)
    else:
        own = lse[at.b : at.b + 1]
    inputs = {LSE: own[0], FIRST: found[0], END: found[1]}
    call = bind_call(
        *(scorer.weights.bound, q, k, k),
        scale=at.scale,
        q_start=q_start,
        k_start=k_start,
        inputs=inputs,
    )
    units = Units(
        *(worth.pool.size, worth.pool.stride, at.route.size, at.route.stride),
        *(FIRST, END, at.own_heads != at.heads),
    )
    sizes = replace(scorer.weights.sizes(call), best=count, units=units)
    _, picks = best_keys(scorer.weights.kernel(sizes), call, count, at.own_heads, at.units)
    return ascending(picks[0])


def _fits(worth: Masses) -> bool:
    """Whether each query chooses, for its head or with those that read the same keys."""
    at, bound = worth.at, worth.part.bound
    plain = not bound.inputs and not any(
        isinstance(s, ast.NormalizeStatement) for s in bound.program.attention.body
    )
    alone = at.own_heads == at.heads or at.own_heads == len(worth.keys)
    units = at.route.units in ("blocks", "token")
    return plain and alone and units and at.count == at.row.q_len


@dataclass(frozen=True, slots=True)
class _Scorer:
    """A branch, whose log-sum-exp makes probabilities of scores, and the branch that has them."""

    attention: SpecRunner
    weights: SpecRunner


_scorers: dict[str, _Scorer] = {}


def _scorer(bound: Bound) -> _Scorer:
    """The scorer of a branch, made once."""
    key = bound.identity
    if key not in _scorers:
        _scorers[key] = _Scorer(*(SpecRunner(x, Options()) for x in (bound, _weighing(bound))))
    return _scorers[key]


def _weighing(bound: Bound) -> Bound:
    """The branch with probabilities for scores."""
    attention = bound.program.attention
    score = next((s.value for s in attention.body if isinstance(s, ast.ScoreStatement)), None)
    weight = parse_expression(f"exp(s - {LSE}[h, q])")
    weight = weight if score is None else substitute(weight, {"s": score})
    others = (ast.AssertStatement, ast.ScoreStatement)
    body = (*INPUTS, *(s for s in attention.body if not isinstance(s, others)))
    program = replace(
        bound.program,
        attention=replace(attention, body=(*body, ast.ScoreStatement(weight))),
        inputs={one.name: one for one in INPUTS},
    )
    return Bound(program, bound.values)
