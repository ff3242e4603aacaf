"""The steps of a call: each branch over its own keys, the merge, the `output`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from attnc.compiler.inline import output_expression
from attnc.dsl.branch import Part
from attnc.dsl.errors import InvalidValue
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import bind_call
from attnc.runtime.calls.route_lists import split_lists
from attnc.runtime.composed.merge import gated, merge_partials
from attnc.runtime.composed.pool import pooled_call
from attnc.runtime.torch_functions import closed_function

Run = Callable[[Part, Tensor, Tensor, Tensor, dict[str, Any], dict[str, Any]], Any]


def attend(
    bound: Bound,
    parts: Sequence[Part],
    tensors: tuple[Tensor, Tensor, Tensor],
    where: dict[str, Any],
    inputs: Mapping[str, Any],
    layout: str,
    run: Run,
) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
    """Outputs, lse (None for a sum of branches) and routes of a spec of several steps.

    `parts` are its attentions; `run(part, q, k, v, keywords, inputs)` gives those of one. Tensors
    and keywords are the caller's; lists of routes are among the inputs.
    """
    q, k, v = tensors
    axis = 1 if layout == "bshd" else 2
    found = []
    routes: dict[str, Tensor] = {}
    for part in parts:
        keywords, keys, values = where, k, v
        if part.pool is not None:
            queries = q.shape[axis] if q.dim() == 4 else 0  # a packed call is refused
            given = (where, inputs, queries, axis, bound.cross)
            keys, values, keywords = pooled_call(part.pool, k, v, *given)
        wanted = {*part.bound.inputs, *(route.name for route in part.bound.routes)}
        own = {name: x for name, x in inputs.items() if name in wanted}
        *pair, chosen = run(part, q, keys, values, keywords, own)
        found.append(pair)
        routes |= chosen
    outs, lses = zip(*found, strict=True)
    out, lse = _merged(bound, outs, lses, inputs, layout)
    if bound.output is None:
        return out, lse, routes
    _, own = split_lists(bound, inputs)
    return _output(bound, out, tensors, where, own, layout), lse, routes


def _merged(
    bound: Bound, outs: Any, lses: Any, inputs: Mapping[str, Any], layout: str
) -> tuple[Tensor, Tensor | None]:
    match bound.merge:
        case None:
            return outs[0], lses[0]
        case merge if merge.gate is not None:
            axes = bound.inputs[merge.gate].axes
            return gated(outs, inputs[merge.gate], axes, layout), None
        case _:
            return merge_partials(outs, lses, layout=layout)


def _output(
    bound: Bound,
    out: Tensor,
    tensors: tuple[Tensor, Tensor, Tensor],
    where: dict[str, Any],
    inputs: Mapping[str, Any],
    layout: str,
) -> Tensor:
    """The outputs after the epilogue, a sequence at a time: each has its own positions."""
    call = bind_call(bound, *tensors, layout=layout, inputs=inputs, **where)
    heads, kv_heads = call.q.shape[1], call.k.shape[1]
    expr = output_expression(bound, heads, kv_heads)
    assert expr is not None, "a spec with an `output`"
    swapped = layout == "bshd" or out.dim() == 3
    full = out.transpose(-3, -2) if swapped else out  # [B, H, N, Dv], packed [H, N, Dv]
    full = full if full.dim() == 4 else full.unsqueeze(0)
    done = []
    for index, row in enumerate(call.rows):
        entry = 0 if call.packed else index
        o = full[entry, :, row.q_row : row.q_row + row.q_len] if call.packed else full[entry]
        function = closed_function(bound, row, heads, inputs, expr, ("q", "o"))
        h = torch.arange(heads, device=o.device)[:, None, None]
        q = row.q_start + torch.arange(o.shape[1], device=o.device)[:, None]
        done.append(
            torch.as_tensor(function(torch.tensor(entry), h, q, o)).to(o.dtype).expand_as(o)
        )
    if not done:
        return out
    found = torch.cat(done, 1).unsqueeze(0) if call.packed else torch.stack(done)
    found = found if out.dim() == 4 else found.squeeze(0)
    return found.transpose(-3, -2) if swapped else found


def refuse_lse(bound: Bound) -> None:
    """A sum of branches has no denominator. Raises `InvalidValue`."""
    if bound.merge is not None and bound.merge.gate is not None:
        raise InvalidValue("return_lse", "nothing: a sum of branches has no log-sum-exp", "True")
