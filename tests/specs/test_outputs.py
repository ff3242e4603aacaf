"""The oracle's outputs on every shipped spec, against torch's attention and explicit formulas."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import scaled_dot_product_attention

from attnc.runtime.oracle import reference
from tests.references import MASKS, PARAMETERS, SCORES, SINKS, inputs
from tests.references.score.attention import softmax

CASES = [(name, cases[-1]) for name, cases in PARAMETERS.items()]
PLAIN = [(name, given) for name, given in CASES if name not in (*SCORES, *SINKS)]
LENGTHS = [(1, 1), (21, 21), (4, 21), (12, 5)]
HEADS = 4


def random(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def explicit(
    name: str, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, given: dict[str, object]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Outputs and lse in numpy from the definitions."""
    q_len, kv_len, group = q.shape[2], k.shape[2], q.shape[1] // k.shape[1]
    keys, values = (np.repeat(x.numpy(), group, axis=1) for x in (k, v))
    scores = q.numpy() @ np.swapaxes(keys, 2, 3) / np.sqrt(q.shape[3])
    if name in SCORES:
        rows = np.arange(q_len)[:, None] + kv_len - q_len
        scores = SCORES[name](scores, rows, np.arange(kv_len), **given)
    pairs = np.broadcast_to(MASKS[name](q_len, kv_len, q.shape[1], **given), scores.shape)
    sinks = SINKS[name](**given) if name in SINKS else None
    return softmax(scores, pairs, values, sinks)


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
def test_output(name: str, parameters: dict[str, int]) -> None:
    for q_len, kv_len in LENGTHS:
        q = random(2, HEADS, q_len, 8, seed=1)
        k, v = random(2, 2, kv_len, 8, seed=2), random(2, 2, kv_len, 5, seed=3)
        extra = inputs(name, HEADS, kv_len, q_len=q_len, **parameters)
        tensors = {n: torch.from_numpy(x) for n, x in extra.items()}
        out, lse = reference(name, **parameters)(q, k, v, return_lse=True, **tensors)
        wanted, wanted_lse = explicit(name, q, k, v, parameters | extra)
        np.testing.assert_allclose(out, wanted, atol=1e-12)
        np.testing.assert_allclose(lse, wanted_lse, atol=1e-12)


@pytest.mark.parametrize(("name", "parameters"), PLAIN, ids=str)
def test_output_is_that_of_torch(name: str, parameters: dict[str, int]) -> None:
    q, k, v = (random(2, HEADS, 21, 8, seed=seed) for seed in (1, 2, 3))
    extra = inputs(name, HEADS, 21, **parameters)
    tensors = {n: torch.from_numpy(x) for n, x in extra.items()}
    out = reference(name, **parameters)(q, k, v, **tensors)
    pairs = torch.from_numpy(MASKS[name](21, 21, HEADS, **parameters, **extra))
    wanted = scaled_dot_product_attention(q, k, v, attn_mask=pairs)
    torch.testing.assert_close(out, wanted, atol=1e-12, rtol=0)
