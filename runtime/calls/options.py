"""What was fixed when an operator was compiled, and what a call must agree with."""

from dataclasses import dataclass
from typing import overload

import torch

from attnc.compiler.ranges import table_reach
from attnc.dsl.diagnostics import listing
from attnc.dsl.errors import DtypeMismatch, NotBuiltForTarget, ShapeMismatch
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Call
from attnc.runtime.cpu.cpus import OWN

DTYPES = {
    "fp32": torch.float32,
    "float32": torch.float32,
    "fp64": torch.float64,
    "float64": torch.float64,
    "bf16": torch.bfloat16,
    "bfloat16": torch.bfloat16,
    "fp16": torch.float16,
    "float16": torch.float16,
}
COMPUTED = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


@dataclass(frozen=True, slots=True)
class Options:
    """What was fixed at compile time; None is taken from the first call of each kind."""

    layout: str = "bhsd"
    dtype: torch.dtype | None = None
    head_dim: int | None = None
    value_dim: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    target: str = OWN


def unknown_dtype(dtype: object, target: str) -> NotBuiltForTarget:
    """The error for a dtype that no kernel computes; it lists those that are."""
    known = listing([str(one).removeprefix("torch.") for one in COMPUTED], "and")
    name = str(dtype).removeprefix("torch.")
    return NotBuiltForTarget(f"dtype {name}", target, built=known)


@overload
def parse_dtype(dtype: None, target: str = ...) -> None: ...
@overload
def parse_dtype(dtype: str | torch.dtype, target: str = ...) -> torch.dtype: ...
def parse_dtype(dtype: str | torch.dtype | None, target: str = "cpu") -> torch.dtype | None:
    """The torch dtype of a name such as `bf16`."""
    if dtype is None or dtype in DTYPES.values():
        return dtype  # type: ignore[return-value]
    if str(dtype) not in DTYPES:
        raise unknown_dtype(dtype, target)
    return DTYPES[str(dtype)]


def check_options(options: Options, call: Call) -> None:
    """Refuse what the options exclude; names both what is given and what was compiled for."""
    dtype = call.q.dtype
    if options.dtype is not None and dtype != options.dtype:
        raise DtypeMismatch("q", f"{options.dtype}, which it was compiled for", str(dtype))
    if dtype not in COMPUTED:
        raise unknown_dtype(dtype, "cpu")
    given = [
        ("q", "head_dim", call.q.shape[3]),
        ("v", "value_dim", call.v.shape[3]),
        ("q", "heads", call.q.shape[1]),
        ("k", "kv_heads", call.k.shape[1]),
    ]
    for name, what, found in given:
        wanted = getattr(options, what)
        if wanted not in (None, found):
            expected = f"{what} {wanted}, which it was compiled for, not {found}"
            raise ShapeMismatch(name, expected, tuple(getattr(call, name).shape))


def check_tables(bound: Bound, call: Call) -> None:
    """Refuse a table (an input with axis `d`) shorter than the spec's indices can reach."""
    for name, reach in table_reach(bound, call.q.shape[1], call.k.shape[1]).items():
        table, axes = call.tensors[name], bound.inputs[name].axes
        found = table.shape[axes.index("d") - len(axes)]
        if reach.low < 0 or reach.high >= found:
            expected = f"an axis d that covers the spec's indices, {reach.low} to {reach.high}"
            raise ShapeMismatch(name, expected, tuple(table.shape))
