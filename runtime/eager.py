"""Dense attention in the dtype of its tensors, as a person would write it with torch.

Its distance to the float64 reference is the yardstick for the distance of a compiled kernel.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Call, bind_call
from attnc.runtime.calls.route_lists import split_lists
from attnc.runtime.calls.sets import padded_sets, sets_of_sequence
from attnc.runtime.oracle.sequence import seen
from attnc.runtime.routes.units import everything
from attnc.runtime.sink import add_sink
from attnc.runtime.torch_functions import torch_functions


def eager(
    bound: Bound, q: Tensor, k: Tensor, v: Tensor, inputs: Mapping[str, Any], **keywords: Any
) -> tuple[Tensor, Tensor]:
    """Outputs [B, H, Nq, Dv] and lse [B, H, Nq] in q's dtype, as the operator is called.

    Packed calls are 4-D with B = 1. Raises what `bind_call` raises.
    """
    lists, inputs = split_lists(bound, inputs)
    inputs = padded_sets(bound, inputs)
    call = bind_call(bound, q, k, v, inputs=inputs, **keywords)
    parts = [_sequence(bound, call, index, inputs, lists) for index in range(len(call.rows))]
    outs, lses = zip(*parts, strict=True)
    if call.packed:
        out, lse = torch.cat(outs, 1).unsqueeze(0), torch.cat(lses, 1).unsqueeze(0)
    else:
        out, lse = torch.stack(outs), torch.stack(lses)
    return add_sink(bound, out, lse, call.k.shape[1], inputs, "bhsd")


def _sequence(
    bound: Bound, call: Call, index: int, inputs: Mapping[str, Any], lists: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """One sequence: out [H, Nq, Dv], lse [H, Nq]. A row without keys gives zeros and -inf."""
    row, entry = call.rows[index], 0 if call.packed else index
    q_row, k_row, _, _, q_len, k_len = row
    heads, kv_heads = call.q.shape[1], call.k.shape[1]
    q = call.q[entry, :, q_row : q_row + q_len]
    keys = slice(k_row, k_row + k_len)
    k, v = (x[entry, :, keys].repeat_interleave(heads // kv_heads, 0) for x in (call.k, call.v))
    if not k_len:
        return q.new_zeros(heads, q_len, v.shape[2]), q.new_full((heads, q_len), -torch.inf)
    own = sets_of_sequence(bound, inputs, index) if call.packed else inputs
    functions = torch_functions(
        everything(bound) if bound.routes else bound, row, heads, kv_heads, own, call.grid
    )
    h, i, j = torch.arange(heads)[:, None, None], torch.arange(q_len)[:, None], torch.arange(k_len)
    places = torch.tensor(entry), h, i, j
    scores = q @ k.transpose(1, 2) * call.scale
    if functions.score is not None:
        scores = torch.as_tensor(functions.score(scores, *places)).expand_as(scores)
    if bound.routes:
        _, pairs, _ = seen(bound, call, index, dict(inputs), lists)
    else:
        pairs = torch.as_tensor(functions.mask(*places)).expand(scores.shape)
    scores = scores.to(q.dtype).masked_fill(~pairs, -torch.inf)
    empty = ~pairs.any(-1, keepdim=True)  # not left to softmax, whose gradient would be NaN there
    weights = torch.softmax(scores.masked_fill(empty, 0.0), -1).masked_fill(empty, 0.0)
    return weights @ v, torch.logsumexp(scores, -1)
