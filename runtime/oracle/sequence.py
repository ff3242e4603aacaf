"""One sequence of one attention, densely in float64."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Call
from attnc.runtime.calls.route_lists import part
from attnc.runtime.calls.sets import sets_of_sequence
from attnc.runtime.oracle.formula import mask_of, score_of, sink_of
from attnc.runtime.oracle.routes import Chosen, choose_all
from attnc.runtime.oracle.world import Rows, World


def sequence(
    bound: Bound, call: Call, index: int, inputs: dict[str, Any], lists: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """One sequence: out [H, Nq, Dv], lse [H, Nq], its routes. No row beyond it is read."""
    entry, rows = 0 if call.packed else index, Rows(*call.rows[index])
    heads = call.q.shape[1]
    q, k, v = operands(call, index)
    world, pairs, chosen = seen(bound, call, index, inputs, lists)
    counts = world.counts
    products = (q @ k.transpose(1, 2) * call.scale)[pairs]
    h, i, j = pairs.nonzero(as_tuple=True)
    places = {"b": torch.tensor(entry), "h": h, "q": rows.q[i], "k": rows.k[j]}
    world = World(bound, rows, places, counts, inputs, torch.float64, call.grid)
    scores = score_of(world, products)
    places = {"b": torch.tensor(entry), "h": torch.arange(heads)[:, None, None]}
    sink = sink_of(World(bound, rows, places, counts, inputs, torch.float64, call.grid))
    out, lse = softmax(pairs, scores, v, sink)
    return out, lse, {name: found.lists for name, found in chosen.items()}


def operands(call: Call, index: int) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values of one sequence, [H, N, D] in float64."""
    entry, rows = 0 if call.packed else index, call.rows[index]
    group = call.q.shape[1] // call.k.shape[1]
    q = call.q[entry, :, rows.q_row : rows.q_row + rows.q_len].double()
    keys = slice(rows.k_row, rows.k_row + rows.k_len)
    k, v = (x[entry, :, keys].double().repeat_interleave(group, 0) for x in (call.k, call.v))
    return q, k, v


def seen(
    bound: Bound, call: Call, index: int, inputs: dict[str, Any], lists: Mapping[str, Tensor]
) -> tuple[World, Tensor, dict[str, Chosen]]:
    """All pairs of one sequence, those of the mask [H, Nq, Nk], and what its routes chose."""
    rows, heads = Rows(*call.rows[index]), call.q.shape[1]
    places = {
        "b": torch.tensor(0 if call.packed else index),
        "h": torch.arange(heads)[:, None, None],
        "q": rows.q[:, None],
        "k": rows.k,
    }
    counts = {"heads": heads, "kv_heads": call.k.shape[1]}
    own = sets_of_sequence(bound, inputs, index) if call.packed else inputs
    world = World(bound, rows, places, counts, own, torch.float32, call.grid)
    own = {r.name: part(r, call, lists[r.name], index) for r in bound.routes if r.name in lists}
    q, k, _ = operands(call, index)
    with torch.no_grad():
        chosen = choose_all(world, q, k, call.scale, own)
    world = replace(world, routes={name: found.pairs for name, found in chosen.items()})
    return world, mask_of(world).expand(heads, rows.q_len, rows.k_len), chosen


def softmax(
    pairs: Tensor, scores: Tensor, v: Tensor, sink: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Out [H, Nq, Dv] and lse [H, Nq] from the scores of the pairs, in the order of `nonzero`.

    Scores exist only where there is a pair, so that nothing else enters a gradient. `sink` is the
    logit [H, 1, 1] of one more term of the denominator.
    """
    if sink is not None:  # a key of its own, with a value of zero
        rows = sink.expand(pairs.shape[0], pairs.shape[1], 1)
        logits = torch.zeros(pairs.shape, dtype=torch.float64).masked_scatter(pairs, scores)
        more = torch.cat([pairs, torch.ones_like(rows, dtype=torch.bool)], -1)
        values = torch.cat([v, v.new_zeros(v.shape[0], 1, v.shape[2])], 1)
        return softmax(more, torch.cat([logits, rows], -1)[more], values)
    full = torch.full(pairs.shape, -torch.inf, dtype=torch.float64).masked_scatter(pairs, scores)
    top = full.detach().amax(-1, keepdim=True) if full.shape[-1] else full.new_zeros(1)
    top = torch.where(top == -torch.inf, 0.0, top)
    weights = torch.exp(full - top)
    total = weights.sum(-1, keepdim=True)
    seen = total > 0
    safe = torch.where(seen, total, 1.0)
    lse = torch.where(seen, safe.log() + top, -torch.inf)
    return weights @ v / safe, lse.squeeze(-1)
