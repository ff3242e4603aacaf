"""Other ways to compute a spec's attention, for comparison: PyTorch's own kernels."""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from attnc.dsl.diagnostics import AttnError
from attnc.dsl.program import Bound
from attnc.runtime.call import Row
from attnc.runtime.torch_functions import Functions, torch_functions

Attend = Callable[[], Tensor]
DENSE_LIMIT = 1 << 28  # pairs of a dense mask


class PeerUnavailableError(AttnError):
    """Why a peer cannot compute this spec here."""


def functions_of(bound: Bound, q: Tensor, k: Tensor, inputs: Mapping[str, Any]) -> Functions:
    """The spec's mask and score for the lengths of one call."""
    q_len, k_len = q.shape[2], k.shape[2]
    row = Row(0, 0, 0 if bound.cross else k_len - q_len, 0, q_len, k_len)
    return torch_functions(bound, row, q.shape[1], k.shape[1], inputs)


def sdpa(bound: Bound, q: Tensor, k: Tensor, v: Tensor, inputs: Mapping[str, Any]) -> Attend:
    """`scaled_dot_product_attention`: `is_causal` or no mask where that is the mask, else dense."""
    if bound.score is not None:
        raise PeerUnavailableError("SDPA cannot change the scores")
    batch, heads, q_len, k_len = q.shape[0], q.shape[1], q.shape[2], k.shape[2]
    if batch * heads * q_len * k_len > DENSE_LIMIT:
        raise PeerUnavailableError(f"a dense mask of {q_len} x {k_len} is too large")
    b, h = torch.arange(batch)[:, None, None, None], torch.arange(heads)[:, None, None]
    i, j = torch.arange(q_len)[:, None], torch.arange(k_len)
    pairs = functions_of(bound, q, k, inputs).mask(b, h, i, j)
    attend = partial(scaled_dot_product_attention, q, k, v, enable_gqa=q.shape[1] != k.shape[1])
    if bool(pairs.all()):
        return attend
    if q_len == k_len and torch.equal(pairs, (j <= i).expand(pairs.shape)):
        return partial(attend, is_causal=True)
    return partial(attend, attn_mask=pairs.expand(batch, heads, q_len, k_len))


def flex(bound: Bound, q: Tensor, k: Tensor, v: Tensor, inputs: Mapping[str, Any]) -> Attend:
    """Compiled FlexAttention with the spec's block mask, which is made beforehand."""
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        raise PeerUnavailableError("FlexAttention needs a C++ compiler, and there is none")
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    functions = functions_of(bound, q, k, inputs)
    lengths = (q.shape[0], q.shape[1], q.shape[2], k.shape[2])
    mask = torch.compile(create_block_mask)(functions.mask, *lengths, device="cpu")
    attend = partial(
        torch.compile(flex_attention),
        block_mask=mask,
        score_mod=functions.score,
        enable_gqa=q.shape[1] != k.shape[1],
    )
    return lambda: attend(q, k, v)


PEERS = {"sdpa": sdpa, "flex": flex}
