"""The public functions for stacks: `stack` compiles the layers, `analyze_stack` adds them up."""

import os
from contextlib import suppress
from typing import Any

import torch

from attnc.compiler.analysis import Analysis, Lengths, StackAnalysis
from attnc.compiler.proofs import patterns_of, proofs_of_stack, receptive_field
from attnc.dsl.errors import HeadsMissing
from attnc.dsl.loader import load_stack
from attnc.dsl.program import Bound
from attnc.dsl.stack import BoundStack
from attnc.runtime.analysis import analyze_at, analyze_on, analyze_parts
from attnc.runtime.api import (
    check_assertions,
    parse_options,
    refuse_refuted,
)
from attnc.runtime.calls.checks import check_counts, check_heads
from attnc.runtime.calls.grids import check_grid, segment_lengths, tokens_of
from attnc.runtime.composed.operator import operator
from attnc.runtime.operator import Operator

Spec = str | os.PathLike[str]


def stack(
    spec: Spec,
    *,
    target: str = "cpu",
    dtype: str | torch.dtype | None = None,
    head_dim: int | None = None,
    heads: int | None = None,
    kv_heads: int | None = None,
    layout: str = "bhsd",
    **parameters: Any,
) -> list[Operator]:
    """The operators of the layers of a stack, from the first; keywords are those of `compile`.

    Layers of the same pattern are the same operator, compiled once. Raises `AttnError`.
    """
    options = parse_options(target, dtype, head_dim, heads, kv_heads, layout)
    bound = load_stack(spec).bind(**parameters)
    with suppress(HeadsMissing):
        refuse_refuted(proofs_of_stack(bound, heads, kv_heads))
    operators: dict[int, Operator] = {}
    for layer in bound.distinct:
        check_assertions(layer, heads, kv_heads)
        operators[id(layer)] = operator(layer, options)
    return [operators[id(layer)] for layer in bound.layers]


def analyze_stack(
    spec: Spec,
    *,
    seq: int | None = None,
    q_len: int | None = None,
    kv_len: int | None = None,
    grid: tuple[int, ...] | None = None,
    heads: int | None = None,
    kv_heads: int | None = None,
    head_dim: int = 64,
    **parameters: Any,
) -> StackAnalysis:
    """What the layers of a stack cost at given lengths, one by one and together.

    A stack on a grid takes its extents `grid` and the lengths of segments under their names; the
    receptive field is that of sequences only. Other run-time integers of a layer's attention cannot
    be given. Raises `AttnError`.
    """
    check_counts(0, seq=seq, q_len=q_len, kv_len=kv_len)
    check_counts(head_dim=head_dim)
    check_heads(heads, kv_heads)
    program = load_stack(spec)
    beside = {s.name: parameters.pop(s.name) for s in program.segments if s.name in parameters}
    bound = program.bind(**parameters)
    extents = check_grid(bound.layers[0], grid, None)

    def analysis(layer: Bound) -> Analysis:
        if layer.segments:
            tokens_of(extents, seq, q_len, kv_len, segments=segment_lengths(layer, beside))
            return analyze_parts(layer, extents, heads, kv_heads, head_dim, beside)
        if extents:
            return analyze_on(layer, extents, heads, kv_heads, head_dim, {})
        lengths = Lengths.of(seq, q_len, kv_len, layer.cross)
        return analyze_at(layer, lengths, heads, kv_heads, head_dim, {})

    known = {id(layer): analysis(layer) for layer in bound.distinct}
    return _together(bound, tuple(known[id(layer)] for layer in bound.layers), heads, kv_heads)


def _together(
    bound: BoundStack, layers: tuple[Analysis, ...], heads: int | None, kv_heads: int | None
) -> StackAnalysis:
    bounds = [layer.cache_bound for layer in layers]
    apart = bool(bound.grid) or any(layer.cross for layer in bound.layers)
    field = () if apart else receptive_field(patterns_of(bound, heads, kv_heads), layers[0].kv_len)
    return StackAnalysis(
        name=bound.name,
        layers=layers,
        receptive_field=field,
        flops=sum(layer.flops for layer in layers),
        bytes=sum(layer.bytes for layer in layers),
        cache_bound=None if None in bounds else sum(b for b in bounds if b is not None),
        proofs=tuple(proofs_of_stack(bound, heads, kv_heads)),
    )
