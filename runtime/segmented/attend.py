"""A call of a spec with segments: each part of the queries over the parts of the keys, merged."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from attnc.compiler.all_tokens import Layout, rows_of as rows_of_parts
from attnc.compiler.segments import Step
from attnc.dsl.place import ALL_TOKENS, coordinate_input
from attnc.dsl.program import Bound
from attnc.runtime.calls.grids import check_grid, named_extents, segment_lengths
from attnc.runtime.composed.merge import merge_partials

Run = Callable[
    [Step, Tensor, Tensor, Tensor, dict[str, Any], dict[str, Any]], tuple[Tensor, Tensor]
]


def attend(
    bound: Bound,
    steps: Sequence[Step],
    tensors: tuple[Tensor, Tensor, Tensor],
    where: Mapping[str, Any],
    inputs: Mapping[str, Any],
    layout: str,
    run: Run,
) -> tuple[Tensor, Tensor]:
    """Outputs and lse [B, H, Nq] of a checked call, without the sink of the spec.

    `run(step, q, k, v, keywords, inputs)` gives those of one attention.
    """
    axis = 1 if layout == "bshd" else 2
    extents = check_grid(bound, where["grid"], None)
    rows = rows_of(bound, extents, inputs)
    facts: dict[str, Any] = dict(facts_of(bound, extents, rows, inputs))
    read = {name for step in steps for name in step.bound.inputs}
    facts |= _coordinates(bound, extents, read, tensors[0].device)
    outs, lses = [], []
    for part in bound.parts:
        q = _cut(tensors[0], axis, rows[part])
        partials = []
        for step in steps:
            keys = keys_of(step, rows)
            if step.queries != part or not rows[part] or not keys:
                continue
            k, v = (_cut(x, axis, keys) for x in tensors[1:])
            keywords: dict[str, Any] = {"scale": where["scale"]}
            if step.bound.grid:
                keywords["grid"] = extents
            elif step.positions:
                keywords |= {"q_start": rows[part].start, "k_start": keys.start}
            own = _own(step, inputs, facts, rows[part], keys)
            partials.append(run(step, q, k, v, keywords, own))
        out, lse = _merged(partials, q, tensors[2], axis, layout)
        outs.append(out)
        lses.append(lse)
    return torch.cat(outs, axis), torch.cat(lses, -1)


def rows_of(bound: Bound, extents: tuple[int, ...], inputs: Mapping[str, Any]) -> dict[str, range]:
    """The rows of each part of the tokens."""
    return rows_of_parts(bound, extents, segment_lengths(bound, inputs))


def layout_of(bound: Bound, extents: tuple[int, ...], inputs: Mapping[str, Any]) -> Layout:
    """Where the tokens of a call are."""
    return Layout(extents, rows_of(bound, extents, inputs))


def facts_of(
    bound: Bound,
    extents: tuple[int, ...],
    rows: Mapping[str, range],
    inputs: Mapping[str, Any],
) -> dict[str, int]:
    """The numbers that a step can read beside the inputs: extents and lengths."""
    tokens = max(span.stop for span in rows.values())
    named = {**named_extents(bound, extents), **segment_lengths(bound, inputs)}
    return {**named, ALL_TOKENS: tokens}


def keys_of(step: Step, rows: Mapping[str, range]) -> range:
    """The rows of the keys of a step, whose parts are neighbours."""
    return range(rows[step.keys[0]].start, rows[step.keys[-1]].stop)


def _coordinates(
    bound: Bound, extents: tuple[int, ...], read: Collection[str], device: torch.device
) -> dict[str, Tensor]:
    """The coordinates of all points that steps read as data."""
    found = {}
    for place, (axis, _) in enumerate(bound.grid):
        for name in {coordinate_input(f"{side}.{axis}") for side in "qk"}.intersection(read):
            points = torch.arange(math.prod(extents), dtype=torch.int32, device=device)
            found[name] = points // math.prod(extents[place + 1 :]) % extents[place]
    return found


def _own(
    step: Step, inputs: Mapping[str, Any], facts: Mapping[str, Any], queries: range, keys: range
) -> dict[str, Any]:
    """The inputs of one step: those with an axis of queries or keys are cut to its rows."""
    found = {}
    for name, declared in step.bound.inputs.items():
        if name in facts:
            found[name] = facts[name]
            continue
        x = inputs[name]
        for axis, span in (("q", queries), ("k", keys)):
            if axis in declared.axes:
                x = _cut(x, x.dim() - len(declared.axes) + declared.axes.index(axis), span)
        found[name] = x
    return found


def _cut(x: Tensor, axis: int, rows: range) -> Tensor:
    return x.narrow(axis, rows.start, len(rows))


def _merged(
    partials: Sequence[tuple[Tensor, Tensor]], q: Tensor, v: Tensor, axis: int, layout: str
) -> tuple[Tensor, Tensor]:
    """The attention over all keys that a part of the queries sees; zeros where there are none."""
    match partials:
        case []:
            heads_first = q.shape[:3] if axis == 2 else (q.shape[0], q.shape[2], q.shape[1])
            real = torch.float64 if q.dtype == torch.float64 else torch.float32
            empty = q.new_full(heads_first, -torch.inf, dtype=real)
            return q.new_zeros(*q.shape[:3], v.shape[3]), empty
        case [(out, lse)]:
            return out, lse
        case _:
            outs, lses = zip(*partials, strict=True)
            return merge_partials(outs, lses, layout=layout)
