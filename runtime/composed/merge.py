"""Several attentions of the same queries as one: by their log-sum-exp, or by gates."""

from collections.abc import Sequence

import torch
from torch import Tensor

from attnc.dsl.errors import InvalidValue, ShapeMismatch


def merge_partials(
    outs: Sequence[Tensor], lses: Sequence[Tensor], *, layout: str = "bhsd"
) -> tuple[Tensor, Tensor]:
    """The attention over all keys of several attentions: its outputs and lse. Differentiable.

    `outs` are [B, H, Nq, Dv] (packed [total, H, Dv]) and `lses` the natural logs of their
    denominators, [B, H, Nq] (packed [H, total]), as `op(..., return_lse=True)` gives them; a key
    counts once for each attention that contains it. A row that has no key anywhere gives zeros and
    -inf. The outputs have the dtype of the first. (Dao 2023, Flash-Decoding.)
    """
    if not outs or len(outs) != len(lses):
        raise InvalidValue("lses", f"one for each of {len(outs)} outputs", str(len(lses)))
    for lse in lses:
        if lse.shape != lses[0].shape:
            raise ShapeMismatch("lses", f"{list(lses[0].shape)}, as the first", tuple(lse.shape))
    stacked = torch.stack([lse.to(lses[0].dtype) for lse in lses])
    top = stacked.detach().amax(0)
    top = torch.where(top == -torch.inf, 0.0, top)
    weights = torch.exp(stacked - top)
    total = weights.sum(0)
    seen = total > 0
    safe = torch.where(seen, total, 1.0)
    shares = per_output(weights / safe, layout)
    merged = _weighted_sum(list(shares), outs)
    return merged.to(outs[0].dtype), torch.where(seen, safe.log() + top, -torch.inf)


def per_output(x: Tensor, layout: str) -> Tensor:
    """[S, B, H, Nq] (packed [S, H, total]) so that it multiplies outputs."""
    swapped = layout == "bshd" or x.dim() == 3
    return (x.transpose(-2, -1) if swapped else x).unsqueeze(-1)


def gated(outs: Sequence[Tensor], gate: Tensor, axes: Sequence[str], layout: str) -> Tensor:
    """The sum of outputs times their gate, whose axes are some of b, h, q and branch.

    Where nothing is differentiated the first of the outputs becomes the sum.
    """
    sizes = gate.shape[list(axes).index("branch") - len(axes)]
    if sizes != len(outs):
        expected = f"{len(outs)} on the axis branch, one for each"
        raise ShapeMismatch("gate", expected, tuple(gate.shape))
    full = list(axes) if gate.dim() == len(axes) else ["b", *axes]
    order = [axis for axis in ("branch", "b", "h", "q") if axis in full]
    found = gate.permute([full.index(axis) for axis in order])
    for place, axis in enumerate(("branch", "b", "h", "q")):
        if axis not in full:
            found = found.unsqueeze(place)
    if outs[0].dim() == 3:
        found = found.squeeze(1)
    factors = list(per_output(found, layout))
    if _may_overwrite(outs, gate):
        return _add_up(factors, outs)
    return _weighted_sum(factors, outs).to(outs[0].dtype)


def _may_overwrite(outs: Sequence[Tensor], gate: Tensor) -> bool:
    """Whether the outputs are of the sum's dtype and nothing will ask for them again."""
    differentiated = any(x.requires_grad for x in (gate, *outs)) and torch.is_grad_enabled()
    plain = all(x.dtype == gate.dtype for x in outs) and not torch.compiler.is_compiling()
    return plain and not differentiated


def _add_up(factors: Sequence[Tensor], outs: Sequence[Tensor]) -> Tensor:
    """The sum of outputs times factors, in the first output: no more memory, one pass for each."""
    total = outs[0].mul_(factors[0])
    for factor, out in zip(factors[1:], outs[1:], strict=True):
        total.addcmul_(factor, out)
    return total


def _weighted_sum(factors: Sequence[Tensor], outs: Sequence[Tensor]) -> Tensor:
    """The sum of outputs times factors, in the dtype of the factors."""
    total = factors[0] * outs[0].to(factors[0].dtype)
    for factor, out in zip(factors[1:], outs[1:], strict=True):
        total = torch.addcmul(total, factor, out.to(factor.dtype))
    return total
