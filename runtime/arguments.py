"""From a checked call to the arguments of a kernel: one dtype, one entry for each sequence."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attnc.runtime.call import Call
from attnc.runtime.inputs import computed_in
from attnc.runtime.launch import Arguments


@dataclass(frozen=True, slots=True)
class Prepared:
    """The arguments, and where the kernel's output goes if it was computed in another dtype."""

    arguments: Arguments
    out: Tensor

    def finish(self) -> None:
        """Copy the output into the caller's dtype, where that is not the kernel's."""
        if self.out.dtype != self.arguments.out.dtype:
            self.out.copy_(self.arguments.out[: self.out.shape[0]])


def prepare(call: Call, out: Tensor, lse: Tensor) -> Prepared:
    """`out` [B, H, Nq, Dv] in q's dtype and `lse` [B, H, Nq] are views to be filled.

    A packed call has B = 1 and S sequences: every tensor is seen S times, with stride 0.
    """
    sequences = len(call.rows)

    def entries(x: Tensor) -> Tensor:
        return x.expand(sequences, *x.shape[1:])

    real = computed_in(out.dtype)
    result = out if out.dtype == real else torch.empty_like(out, dtype=real)
    arguments = Arguments(
        q=entries(call.q.to(real)),
        k=entries(call.k.to(real)),
        v=entries(call.v.to(real)),
        out=entries(result),
        lse=entries(lse),
        rows=call.rows,
        tensors={name: entries(x) for name, x in call.tensors.items()},
        numbers=call.numbers,
        scale=call.scale,
    )
    return Prepared(arguments, out)
