"""Other ways to compute a spec's attention, for comparison: PyTorch's own kernels."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from attnc.compiler.proofs import equal
from attnc.compiler.relation import of_bound
from attnc.dsl.diagnostics import AttnError
from attnc.dsl.loader import load
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Row
from attnc.runtime.torch_functions import Functions, torch_functions

Attend = Callable[[], Tensor]
DENSE_LIMIT = 1 << 28  # pairs of a dense mask


class PeerUnavailableError(AttnError):
    """Why a peer cannot compute this spec here."""


Grid = tuple[int, ...]


def functions_of(
    bound: Bound, q: Tensor, k: Tensor, inputs: Mapping[str, Any], grid: Grid = ()
) -> Functions:
    """The spec's mask and score for the lengths, or the grid, of one call."""
    if bound.sink is not None:
        raise PeerUnavailableError("it has no normaliser with an extra term")
    q_len, k_len = q.shape[2], k.shape[2]
    row = Row(0, 0, 0 if bound.cross else k_len - q_len, 0, q_len, k_len)
    return torch_functions(bound, row, q.shape[1], k.shape[1], inputs, grid, device=q.device)


def sdpa(
    bound: Bound, q: Tensor, k: Tensor, v: Tensor, inputs: Mapping[str, Any], grid: Grid = ()
) -> Attend:
    """`scaled_dot_product_attention`: `is_causal` or no mask where that is the mask, else dense."""
    if bound.score is not None or bound.sink is not None:
        raise PeerUnavailableError("SDPA cannot change the scores or the normaliser")
    attend = partial(scaled_dot_product_attention, q, k, v, enable_gqa=q.shape[1] != k.shape[1])
    q_len, k_len = q.shape[2], k.shape[2]
    if _is(bound, "line/full", q, k) or (q_len == 1 and _is(bound, "line/causal", q, k)):
        return attend
    if q_len == k_len and _is(bound, "line/causal", q, k):
        return partial(attend, is_causal=True)
    functions = functions_of(bound, q, k, inputs, grid)
    batch, heads = _mask_axes(functions, q)
    if batch * heads * q_len * k_len > DENSE_LIMIT:
        raise PeerUnavailableError(f"a dense mask of {q_len} x {k_len} is too large")
    indices = (torch.arange(n, device=q.device) for n in (batch, heads, q_len, k_len))
    b, h, i, j = (x.reshape(-1, *[1] * (3 - axis)) for axis, x in enumerate(indices))
    pairs = torch.as_tensor(functions.mask(b, h, i, j))
    return partial(attend, attn_mask=pairs.expand(batch, heads, q_len, k_len))


def flex(
    bound: Bound, q: Tensor, k: Tensor, v: Tensor, inputs: Mapping[str, Any], grid: Grid = ()
) -> Attend:
    """Compiled FlexAttention with the spec's block mask, which is made beforehand."""
    on_cpu = q.device.type == "cpu"
    if on_cpu and shutil.which("g++") is None and shutil.which("clang++") is None:
        raise PeerUnavailableError("FlexAttention needs a C++ compiler, and there is none")
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    functions, mask = functions_of(bound, q, k, inputs, grid), None
    if not _is(bound, "line/full", q, k):
        batch, heads = (n if n > 1 else None for n in _mask_axes(functions, q))
        make_mask = torch.compile(create_block_mask)
        mask = make_mask(functions.mask, batch, heads, q.shape[2], k.shape[2], device=q.device)
    attend = partial(
        torch.compile(flex_attention),
        block_mask=mask,
        score_mod=functions.score,
        enable_gqa=q.shape[1] != k.shape[1],
    )
    return lambda: attend(q, k, v)


def gradients(attend: Attend, tensors: Sequence[Tensor]) -> Callable[[], tuple[Tensor, ...]]:
    """The backward pass alone of one forward pass, from the same random gradient each time."""
    out = attend()
    above = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out.dtype)
    return partial(torch.autograd.grad, out, tensors, above, retain_graph=True)


def _is(bound: Bound, name: str, q: Tensor, k: Tensor) -> bool:
    """Whether the spec's mask is proved to be that of a shipped spec."""
    if bound.cross or bound.grid:
        return False
    heads, kv_heads = q.shape[1], k.shape[1]
    shipped = of_bound(load(name).bind(), heads, kv_heads)
    return equal(of_bound(bound, heads, kv_heads), shipped).verdict == "proved"


def _mask_axes(functions: Functions, q: Tensor) -> tuple[int, int]:
    """The mask's own batch and heads: 1 where all entries, or all heads, share it."""
    b, h = (torch.arange(n, device=q.device) for n in q.shape[:2])
    b, h = b[:, None, None, None], h[:, None, None]
    first = torch.zeros(1, 1, dtype=torch.int64, device=q.device)
    shape = torch.as_tensor(functions.mask(b, h, first, first)).shape
    batch, heads = (1, 1, 1, 1, *shape)[-4:-2]
    return batch, heads


PEERS = {"sdpa": sdpa, "flex": flex}
