"""What each key gets of the softmax, added up over queries: a second pass over the tiles.

The kernel is the backward's for keys, of which one product is left: as dV = P^T dO, a dO of ones
gives the sums of the columns of P.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.errors import NotBuiltForTarget, ShapeMismatch
from attnc.runtime.calls.inputs import computed_in, dtype_name, split_inputs
from attnc.runtime.calls.route_lists import split_lists
from attnc.runtime.calls.sets import padded_sets
from attnc.runtime.cpu import backward
from attnc.runtime.cpu.runner import SpecRunner
from attnc.runtime.operator import Operator, keywords_of
from attnc.runtime.ops import Keywords, Upstream
from attnc.runtime.routes.runner import RoutedRunner


@torch.no_grad()
def column_sums(
    op: Operator,
    q: Tensor,
    k: Tensor,
    lse: Tensor,
    *,
    scale: float | None = None,
    grid: Sequence[int] | None = None,
    q_start: int | Tensor | None = None,
    k_start: int | Tensor = 0,
    cu_seqlens: Tensor | None = None,
    kv_len: Tensor | None = None,
    **inputs: Any,
) -> Tensor:
    """The sum over queries of the probability that each key has, [B, Hq, Nk] (packed [Hq, total]).

    `lse` is what `op(q, k, v, return_lse=True)` gave for the same call, and the keywords are those
    of that call. Memory is linear in the tokens, and two calls give the same bits; float32, or
    float64 for operands of it. No gradient. These are the scores by which caches are evicted
    (H2O); with q cut to the last queries, those of SnapKV. Lists of routes are taken as the
    operator takes them. Raises `NotBuiltForTarget` for specs of several attentions, for a GPU and
    for artifacts; `ShapeMismatch` for an lse of another call; and what the call itself raises.
    """
    runner = _runner(op)
    lists, others = split_lists(op.bound, inputs)
    tensors, numbers = split_inputs(op.bound, padded_sets(op.bound, others))
    where: dict[str, Any] = {"q_start": q_start, "k_start": k_start, "kv_len": kv_len}
    where |= {"cu_seqlens": cu_seqlens, "scale": scale, "grid": grid}
    given = keywords_of(tensors | lists | numbers, where)
    heads_at = 1 if q.dim() == 4 and op.options.layout == "bhsd" else -2
    group = max(1, q.shape[heads_at] // max(1, k.shape[heads_at]))
    v = k.new_zeros(group).expand(*k.shape[:-1], group)
    if isinstance(runner, RoutedRunner):
        given = runner.with_sets(*runner.choices(q, k, v, given))
        return _sums(runner.plain, q, k, v, lse, given)
    return _sums(runner, q, k, v, lse, given)


def block_sums(
    op: Operator,
    q: Tensor,
    k: Tensor,
    lse: Tensor,
    *,
    block: tuple[int, int] = (64, 64),
    q_start: int | Tensor | None = None,
    k_start: int | Tensor = 0,
    **keywords: Any,
) -> Tensor:
    """Probabilities added up in blocks of rows of queries and of keys, [B, Hq, Nq / a, Nk / b].

    `block` is (a, b); the last blocks may be short. Otherwise as `column_sums`, which runs once for
    each block of queries. These are what gates that choose blocks are trained with
    (SeerAttention, pooled by sums). Raises `NotBuiltForTarget` also for packed calls, grids, and
    inputs and routes that have a list or a number for each query.
    """
    named = [name for name, declared in op.bound.inputs.items() if "q" in declared.axes]
    named += [route.name for route in op.bound.routes]
    named += [name for name in ("cu_seqlens", "grid") if keywords.get(name) is not None]
    if named:
        raise NotBuiltForTarget(f"block sums of a call with `{named[0]}`", "cpu")
    axis = 1 if op.options.layout == "bshd" else 2
    queries, keys = q.shape[axis], k.shape[axis]
    first = q_start
    if first is None:
        first = 0 if op.bound.cross else k_start + keys - queries
    parts = []
    for row in range(0, queries, block[0]):
        some = min(block[0], queries - row)
        rows = q.narrow(axis, row, some), k, lse.narrow(2, row, some)
        found = column_sums(op, *rows, q_start=first + row, k_start=k_start, **keywords)
        pooled = torch.nn.functional.pad(found, (0, -keys % block[1]))
        parts.append(pooled.view(*pooled.shape[:2], -1, block[1]).sum(-1))
    return torch.stack(parts, 2)


def _runner(op: Operator) -> SpecRunner:
    """The runner of an operator whose columns can be added up."""
    found = getattr(op, "_runner", None)
    if not isinstance(found, SpecRunner):
        gpu = f"target {op.options.target}" if found is not None else "a spec of several attentions"
        raise NotBuiltForTarget(f"the column sums of {gpu}", "cpu")
    if op.artifact is not None:
        raise NotBuiltForTarget("the column sums of an artifact", "cpu")
    return found


def _sums(
    runner: SpecRunner, q: Tensor, k: Tensor, v: Tensor, lse: Tensor, own: Keywords
) -> Tensor:
    """Of one attention: column c of the values is that of the c-th head of each group."""
    call = runner.bind(q, k, v, own)
    batch, heads, queries, _ = call.q.shape
    expected = (heads, queries) if call.packed and q.dim() == 3 else (batch, heads, queries)
    if tuple(lse.shape) != expected:
        raise ShapeMismatch("lse", f"{list(expected)}, as the call gives it", tuple(lse.shape))
    real, group, keys = computed_in(q.dtype), v.shape[-1], call.k.shape[2]
    if call.empty:
        found = q.new_zeros(batch, heads, keys, dtype=real)
    else:
        call = replace(call, q=call.q.to(real), k=call.k.to(real), v=call.v.to(real))
        one = torch.eye(group, dtype=real).repeat(heads // group, 1)  # [H, group]
        ones = one[:, None] if q.dim() == 4 and runner.options.layout == "bhsd" else one
        ones = ones.expand(*q.shape[:-1], group)
        sizes = replace(runner.sizes(call), dtype=dtype_name(real), sums=True)
        kernel = runner.kernel(sizes, ())
        above = Upstream(torch.zeros_like(ones), lse.to(real), ones, None, ())
        sums = backward.run(runner.bound, kernel, call, above, runner.options.layout).v
        found = sums.transpose(2, 3).reshape(batch, heads, keys)
    return found[0] if len(expected) == 2 else found
