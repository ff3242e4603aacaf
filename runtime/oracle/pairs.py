"""`mask`: the pairs of a spec as a dense tensor."""

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from attnc.dsl import syntax as ast
from attnc.dsl.errors import ShapeMismatch
from attnc.dsl.loader import load
from attnc.dsl.program import Bound, Program
from attnc.runtime.calls.call import bind_call
from attnc.runtime.calls.checks import check_counts, check_heads
from attnc.runtime.calls.grids import check_grid, segment_lengths, tokens_of
from attnc.runtime.calls.route_lists import check_lists, split_lists
from attnc.runtime.calls.sets import padded_sets
from attnc.runtime.oracle.errors import LengthMissing, TensorsMissing
from attnc.runtime.oracle.formula import mask_of
from attnc.runtime.oracle.sequence import seen
from attnc.runtime.oracle.world import Rows, World


def mask(
    spec: str | os.PathLike[str],
    *,
    seq: int | None = None,
    q_len: int | None = None,
    kv_len: int | None = None,
    grid: tuple[int, ...] | None = None,
    heads: int | None = None,
    kv_heads: int | None = None,
    batch: int | None = None,
    **parameters_and_inputs: Any,
) -> Tensor:
    """Which key each query may attend to: CPU bool [Hm, Nq, Nk].

    Hm is `heads` where the mask depends on the head, else 1. The shape is [B, Hm, Nq, Nk] where it
    depends on the batch entry or an input has a batch axis. `seq` sets both lengths, `grid` the
    extents of a grid's axes. The queries are the last positions (under `cross`, both start at 0).
    Inputs that only the score reads need not be given. A pattern with routes is computed from the
    tensors: pass `q` [B, H, Nq, D] and `k` [B, Hkv, Nk, D], which set lengths and heads, and get
    [B, H, Nq, Nk]. Raises `AttnError`: a mistake in the spec, a missing length, head count or
    input.
    """
    check_counts(0, seq=seq, q_len=q_len, kv_len=kv_len, batch=batch)
    check_heads(heads, kv_heads)
    program = load(spec)
    tensors = {n: parameters_and_inputs.pop(n, None) for n in ("q", "k")}
    if program.routes:
        return _routed(program, tensors["q"], tensors["k"], grid, parameters_and_inputs)
    inputs = {n: x for n, x in parameters_and_inputs.items() if n in program.inputs}
    bound = program.bind(**{n: x for n, x in parameters_and_inputs.items() if n not in inputs})
    inputs = padded_sets(bound, inputs)
    tensors = {n: torch.as_tensor(x) for n, x in inputs.items()}
    batches = [x.shape[0] for n, x in tensors.items() if _is_batched(bound.inputs[n], x)]
    batch = batches[0] if batches and batch is None else batch
    extents = check_grid(bound, grid, None)
    if extents:
        seq = tokens_of(extents, seq, q_len, kv_len, segments=segment_lengths(bound, inputs))
    queries, keys = _length("q_len", q_len, seq), _length("kv_len", kv_len, seq)
    sizes = {"b": batch, "h": heads, "hkv": kv_heads, "token": keys, "q": queries, "k": keys}
    for name, x in tensors.items():
        _check_shape(bound.inputs[name], x, sizes)
    rows = Rows(0, 0, 0 if bound.cross else keys - queries, 0, queries, keys)
    world = _world(bound, rows, sizes, tensors, extents)
    found = mask_of(world)
    shape = (heads if heads is not None and "h" in world.read else 1, queries, keys)
    if batch is not None and (batches or "b" in world.read):
        return found.expand(batch, *shape).clone()
    return found.expand(shape).clone()


def _routed(
    program: Program, q: Any, k: Any, grid: tuple[int, ...] | None, given: dict[str, Any]
) -> Tensor:
    """The pairs of a spec with routes: bool [B, H, Nq, Nk]."""
    names = {*program.inputs, *program.routes}
    bound = program.bind(**{n: x for n, x in given.items() if n not in names})
    if not (isinstance(q, Tensor) and isinstance(k, Tensor)):
        raise TensorsMissing(bound.name)
    lists, inputs = split_lists(bound, {n: x for n, x in given.items() if n in names})
    call = bind_call(bound, q, k, k, inputs=inputs, grid=grid)
    check_lists(bound, call, lists)
    found = [seen(bound, call, index, inputs, lists)[1] for index in range(len(call.rows))]
    return torch.stack(found)


def _world(
    bound: Bound,
    rows: Rows,
    sizes: Mapping[str, int | None],
    tensors: Mapping[str, Tensor],
    grid: tuple[int, ...],
) -> World:
    """All pairs at once: axes [B, H, Nq, Nk], each position along its own."""
    heads, batch = sizes["h"], sizes["b"]
    places = {"q": rows.q[:, None], "k": rows.k}
    if heads is not None:
        places["h"] = torch.arange(heads)[:, None, None]
    if batch is not None:
        places["b"] = torch.arange(batch)[:, None, None, None]
    counts = {"heads": heads, "kv_heads": sizes["hkv"]}
    return World(bound, rows, places, counts, tensors, torch.float32, grid)


def _length(name: str, given: int | None, seq: int | None) -> int:
    found = seq if given is None else given
    if found is None:
        raise LengthMissing(name)
    return found


def _is_batched(declared: ast.Input, x: Tensor) -> bool:
    own = len(declared.axes) + (declared.dtype == "set")
    return x.dim() > own or "b" in declared.axes


def _check_shape(declared: ast.Input, x: Tensor, sizes: Mapping[str, int | None]) -> None:
    """Raises `ShapeMismatch` where an axis is not as long as what indexes it."""
    own = (*declared.axes, "list") if declared.dtype == "set" else declared.axes
    axes = own if x.dim() == len(own) else ("b", *own)
    choosers = {"q": None} if declared.dtype == "set" else {}  # blocks of queries may share a list
    wanted = [{**sizes, **choosers}.get(axis) for axis in axes]
    fits = x.dim() == len(axes) and all(
        size in (None, found) for size, found in zip(wanted, x.shape, strict=True)
    )
    if not fits:
        parts = (a if n is None else f"{a} = {n}" for a, n in zip(axes, wanted, strict=True))
        raise ShapeMismatch(declared.name, f"[{', '.join(parts)}]", tuple(x.shape))
