"""PyTorch's own ways of a spec, as the benchmarks call them: the right arguments, no wider mask."""

from functools import partial

import pytest
import torch

import attnc
from attnc.runtime.peers import PeerUnavailableError, sdpa

CAUSAL_TWICE = "attention twice { mask causal & { 2 * k <= 2 * q } }"
HALVES = "attention halves { mask causal & { k <= q - 2 * h } | same }"


@pytest.mark.parametrize(
    ("spec", "asks"),
    [("line/full", {}), ("line/causal", {"is_causal": True}), (CAUSAL_TWICE, {"is_causal": True})],
)
def test_sdpa_takes_no_mask_where_it_needs_none(spec, asks):
    q, k, v = torch.randn(3, 1, 2, 8, 4)
    found = sdpa(attnc.compile(spec).bound, q, k, v, {})
    assert isinstance(found, partial) and found.keywords == {"enable_gqa": False} | asks


@pytest.mark.parametrize(("spec", "heads"), [("line/mistral", 1), (HALVES, 2)])
def test_sdpa_gets_one_mask_for_the_heads_that_share_it(spec, heads):
    q, k, v = torch.randn(3, 2, 2, 40, 4)
    found = sdpa(attnc.compile(spec).bound, q, k, v, {})
    assert isinstance(found, partial) and found.keywords["attn_mask"].shape == (1, heads, 40, 40)
    wanted = attnc.reference(spec)(q, k, v)
    torch.testing.assert_close(found().double(), wanted, rtol=1e-4, atol=1e-5)


def test_masks_beyond_memory_are_refused():
    q = torch.empty(1, 1, 1 << 15, 4)
    with pytest.raises(PeerUnavailableError, match="too large"):
        sdpa(attnc.compile("line/mistral").bound, q, q, q, {})
