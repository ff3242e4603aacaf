"""From a checked call to the arguments of a kernel: float32, one entry for each sequence."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attnc.runtime.call import Call
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

    result = out if out.dtype == torch.float32 else torch.empty_like(out, dtype=torch.float32)
    arguments = Arguments(
        q=entries(call.q.float()),
        k=entries(call.k.float()),
        v=entries(call.v.float()),
        out=entries(result),
        lse=entries(lse),
        rows=call.rows,
        tensors={name: entries(x) for name, x in call.tensors.items()},
        numbers=call.numbers,
        scale=call.scale,
    )
    return Prepared(arguments, out)
