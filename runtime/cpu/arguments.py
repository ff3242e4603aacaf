"""From a checked call to the arguments of a kernel: one entry for each sequence."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from attnc.runtime.calls.call import Call
from attnc.runtime.cpu.launch import Arguments


def prepare(call: Call, out: Tensor, lse: Tensor) -> Arguments:
    """`out` [B, H, Nq, Dv] in q's dtype and `lse` [B, H, Nq] are views to be filled.

    A packed call has B = 1 and S sequences: every tensor is seen S times, with stride 0.
    """
    entries = partial(as_entries, len(call.rows))
    return Arguments(
        q=entries(call.q),
        k=entries(call.k),
        v=entries(call.v),
        out=entries(out),
        lse=entries(lse),
        rows=call.rows,
        tensors={name: entries(x) for name, x in call.tensors.items()},
        numbers=call.numbers,
        scale=call.scale,
        grid=call.grid,
        lists={
            name: replace(x, start=entries(x.start), end=entries(x.end))
            for name, x in call.lists.items()
        },
    )


def as_entries(sequences: int, x: Tensor) -> Tensor:
    """A tensor [B or 1, ...] as kernels take it: an entry for each sequence."""
    stored = _as_stored(x)
    return stored if x.shape[0] == sequences else stored.expand(sequences, *x.shape[1:])


def _as_stored(x: Tensor) -> Tensor:
    """A view as kernels take it: bfloat16 as its bits."""
    return x.view(torch.uint16) if x.dtype == torch.bfloat16 else x
