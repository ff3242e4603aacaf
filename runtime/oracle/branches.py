"""Branches over tokens and pooled keys, their merge and the `output`, densely in float64."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from attnc.dsl import syntax as ast
from attnc.dsl.branch import Part, parts
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Call
from attnc.runtime.oracle.formula import Formula, parameters
from attnc.runtime.oracle.memories import Memory
from attnc.runtime.oracle.sequence import operands, seen, sequence, softmax
from attnc.runtime.oracle.world import Rows, World

Scored = tuple[Tensor, Tensor, Tensor]


def composed(
    bound: Bound, call: Call, index: int, inputs: dict[str, Any], lists: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """One sequence of a spec with branches or an `output`: out [H, Nq, Dv], lse [H, Nq], routes.

    The lse of a sum of branches is NaN: it has none.
    """
    chosen: dict[str, Tensor] = {}
    if bound.merge is None:
        (part,) = parts(bound)
        out, lse, chosen = sequence(part.bound, call, index, inputs, lists)
    else:
        memories = []
        for part in parts(bound):
            memories.append(_memory(bound, part, call, index, inputs, lists, chosen))
        out, lse = _merged(bound, bound.merge, memories, call, index, inputs)
    if bound.output is not None:
        world = _rows_world(bound, call, index, inputs)
        names = {**parameters(world), "o": out}
        out = Formula(names, world).value(bound.output).double().expand_as(out)
    return out, lse, chosen


def _merged(
    bound: Bound, merge: ast.Merge, memories: list[Scored], call: Call, index: int, inputs: Any
) -> tuple[Tensor, Tensor]:
    if merge.gate is None:  # a key of several branches stands in several places
        parted = zip(*memories, strict=True)
        pairs, scores, values = (torch.cat(x, d) for x, d in zip(parted, (2, 2, 1), strict=True))
        return softmax(pairs, scores[pairs], values)
    world = _rows_world(bound, call, index, inputs)
    heads, q_len = memories[0][0].shape[:2]
    out: Any = 0.0
    for i, (pairs, scores, values) in enumerate(memories):
        places = {**world.places, "branch": torch.tensor(i)}
        axes = bound.inputs[merge.gate].axes
        gate = world.item(merge.gate, tuple(places[axis] for axis in axes))
        out = out + gate * softmax(pairs, scores[pairs], values)[0]
    return out, torch.full((heads, q_len), torch.nan, dtype=torch.float64)


def _rows_world(bound: Bound, call: Call, index: int, inputs: Any) -> World:
    """The places of outputs, [H, Nq, 1]."""
    rows, heads = Rows(*call.rows[index]), call.q.shape[1]
    places = {
        "b": torch.tensor(0 if call.packed else index),
        "h": torch.arange(heads)[:, None, None],
        "q": rows.q[:, None],
    }
    counts = {"heads": heads, "kv_heads": call.k.shape[1]}
    return World(bound, rows, places, counts, inputs, torch.float64, call.grid)


def _memory(
    bound: Bound,
    part: Part,
    call: Call,
    index: int,
    inputs: dict[str, Any],
    lists: Mapping[str, Tensor],
    chosen: dict[str, Tensor],
) -> Scored:
    """The pairs of a branch [H, Nq, K], its scores where there is a pair, its values [H, K, Dv]."""
    heads = call.q.shape[1]
    q, k, v = operands(call, index)
    memory = Memory(bound, part, _rows_world(bound, call, index, inputs))
    if part.pool is None:
        _, pairs, found = seen(part.bound, call, index, inputs, lists)
        chosen |= {name: route.lists for name, route in found.items()}
    else:
        pairs = memory.pairs(heads)
    products = q @ memory.keys(k).transpose(1, 2) * call.scale
    return pairs, memory.scores(pairs, products), memory.values(v)
