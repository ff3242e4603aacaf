"""The public functions: `compile`, `load`, `reference`, `mask`, `analyze`."""

import os
from collections.abc import Sequence
from typing import Any

import torch

from attnc.compiler.analysis import Analysis, Lengths
from attnc.compiler.proofs import Proof, proofs_of
from attnc.dsl.diagnostics import listing
from attnc.dsl.errors import AssertionRefuted, HeadsMissing, InvalidValue, NotBuiltForTarget
from attnc.dsl.loader import load as load_spec
from attnc.dsl.program import Bound
from attnc.runtime.analysis import analyze_at, analyze_on, analyze_parts
from attnc.runtime.artifacts.artifact import load
from attnc.runtime.calls.checks import check_counts, check_heads
from attnc.runtime.calls.grids import check_grid, segment_lengths, tokens_of
from attnc.runtime.calls.options import Options, parse_dtype
from attnc.runtime.composed.operator import operator
from attnc.runtime.cpu.cpus import TARGETS, runnable
from attnc.runtime.gpu.devices import resolve
from attnc.runtime.gpu.targets import GPUS, is_gpu
from attnc.runtime.operator import Operator
from attnc.runtime.oracle import mask, reference

Spec = str | os.PathLike[str]
LAYOUTS = ("bhsd", "bshd")

__all__ = ["analyze", "compile", "load", "mask", "parse_dtype", "reference"]


def compile(
    spec: Spec,
    *,
    target: str = "cpu",
    dtype: str | torch.dtype | None = None,
    head_dim: int | None = None,
    heads: int | None = None,
    kv_heads: int | None = None,
    layout: str = "bhsd",
    **parameters: Any,
) -> Operator:
    """The operator of a spec for its parameters.

    `spec` is a path, a shipped name such as `line/mistral`, or source text. What is not given
    here (dtype, head dimension, head counts) specialises at the first call; lengths, batch and
    strides never do. `target` is `cpu` or one of its levels, `cuda` or `hip` for the GPU that is
    there, or an architecture such as `cuda:sm_90`. Raises `AttnError`: a mistake in the spec, a
    refuted assertion, a target or dtype that is not built, a GPU that is not there.
    """
    options = parse_options(target, dtype, head_dim, heads, kv_heads, layout)
    bound = load_spec(spec).bind(**parameters)
    check_assertions(bound, heads, kv_heads)
    return operator(bound, options)


def parse_options(
    target: str,
    dtype: str | torch.dtype | None,
    head_dim: int | None,
    heads: int | None,
    kv_heads: int | None,
    layout: str,
) -> Options:
    """What `compile` is given beside the spec, checked."""
    if is_gpu(str(target)):
        resolve(target)
    else:
        check_target(target, runnable())
    check_heads(heads, kv_heads)
    check_counts(head_dim=head_dim)
    if layout not in LAYOUTS:
        raise InvalidValue("layout", listing(LAYOUTS), str(layout))
    return Options(
        layout=layout,
        dtype=parse_dtype(dtype, target),
        head_dim=head_dim,
        heads=heads,
        kv_heads=kv_heads,
        target=target,
    )


def analyze(
    spec: Spec,
    *,
    seq: int | None = None,
    q_len: int | None = None,
    kv_len: int | None = None,
    grid: tuple[int, ...] | None = None,
    heads: int | None = None,
    kv_heads: int | None = None,
    head_dim: int = 64,
    batch: int | None = None,
    **parameters_and_inputs: Any,
) -> Analysis:
    """What a spec costs at given lengths, and what is proved of it; nothing is compiled or run.

    `seq` sets both lengths; a spec on a grid takes the extents `grid` instead. Counts are for one
    batch entry, and for `heads` heads where the mask depends on the head. Raises `AttnError`.
    """
    check_counts(0, seq=seq, q_len=q_len, kv_len=kv_len)
    check_counts(head_dim=head_dim)
    check_heads(heads, kv_heads)
    bound, inputs = split_parameters(spec, parameters_and_inputs)
    extents = check_grid(bound, grid, None)
    if bound.segments:
        tokens_of(extents, seq, q_len, kv_len, segments=segment_lengths(bound, inputs))
        return analyze_parts(bound, extents, heads, kv_heads, head_dim, inputs)
    if extents:
        tokens_of(extents, seq, q_len, kv_len)
        return analyze_on(bound, extents, heads, kv_heads, head_dim, inputs)
    lengths = Lengths.of(seq, q_len, kv_len, bound.cross)
    return analyze_at(bound, lengths, heads, kv_heads, head_dim, inputs)


def split_parameters(spec: Spec, given: dict[str, Any]) -> tuple[Bound, dict[str, Any]]:
    """A bound spec and the inputs among the keywords."""
    program = load_spec(spec)
    inputs = {n: x for n, x in given.items() if n in program.inputs}
    return program.bind(**{n: x for n, x in given.items() if n not in inputs}), inputs


def check_target(target: str, wanted: Sequence[str] = TARGETS) -> None:
    """Refuse a target that this version cannot build for, or that is not among those wanted."""
    if target not in TARGETS:
        raise NotBuiltForTarget("code generation", str(target), (*TARGETS, *GPUS))
    if target not in wanted:
        raise NotBuiltForTarget("running on this CPU", target, tuple(wanted))


def check_assertions(bound: Bound, heads: int | None, kv_heads: int | None) -> None:
    """Raise `AssertionRefuted` with its counterexample; what needs a head count waits for it."""
    try:
        refuse_refuted(proofs_of(bound, heads, kv_heads))
    except HeadsMissing:
        return


def refuse_refuted(proofs: Sequence[Proof]) -> None:
    """Raise `AssertionRefuted` for the first proof that says so."""
    for proof in proofs:
        if proof.verdict == "refuted":
            at = proof.counterexample
            n, q, k = (at.n, at.q, at.k) if at is not None else (None, None, None)
            grid = at.grid if at is not None else ()
            raise AssertionRefuted(proof.assertion, n, q, k, proof.reason, grid)
