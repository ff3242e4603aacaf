"""Random masks on grids with tokens beside them: all that reads a mask sees the same pairs."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import attnc
from attnc.compiler.proofs import proofs_of
from attnc.dsl.loader import load
from tests.runtime.grid_masks import drawn
from tests.runtime.tolerance import assert_right, qkv
from tests.view.conftest import Pairs, javascript, pairs

__all__ = ["javascript", "pairs"]
HEADS = 2


def dense(text: str, call: dict[str, Any]) -> Tensor:
    found = attnc.mask(text, heads=HEADS, **call)
    return found.expand(HEADS, *found.shape[1:])


def listed(text: str, call: dict[str, Any], n: int) -> tuple[Tensor, Tensor, Tensor]:
    """The pairs, and those of the tiles of 4 x 4 that are visited, and that are taken as full."""
    found = attnc.flex.block_mask(text, heads=HEADS, block_size=4, **call)
    at = [torch.arange(m).reshape(-1, *[1] * (3 - i)) for i, m in enumerate((1, HEADS, n, n))]
    tiles = []
    for counts, indices in (
        (found.kv_num_blocks, found.kv_indices),
        (found.full_kv_num_blocks, found.full_kv_indices),
    ):
        assert counts is not None and indices is not None
        within = torch.arange(indices.shape[-1]) < counts[0, :, :, None]
        chosen = torch.zeros_like(indices[0])
        chosen.scatter_add_(-1, torch.where(within, indices[0], 0).long(), within.int())
        tiles.append(chosen.bool().repeat_interleave(4, 1).repeat_interleave(4, 2)[:, :n, :n])
    masked, full = tiles
    return found.mask_mod(*at).expand(1, HEADS, n, n)[0], masked | full, full


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_all_see_the_same_pairs(first: int, pairs: Any) -> None:
    """The oracle, what FlexAttention takes, the script of a page, and the analysis."""
    for seed in range(first, first + 20):
        text, calls = drawn(seed)
        for call in calls:
            wanted = dense(text, call)
            n = wanted.shape[-1]
            if not n:
                continue
            found, visited, full = listed(text, call, n)
            assert torch.equal(found, wanted), (text, call)
            assert not (wanted & ~visited).any() and not (full & ~wanted).any(), (text, call)
            given = {name: length for name, length in call.items() if name != "grid"}
            page: Pairs = pairs(load(text).bind(), call["grid"], HEADS, **given)
            np.testing.assert_array_equal(page, wanted, text)
            counts = attnc.analyze(text, heads=HEADS if "h ==" in text else None, **call)
            times = HEADS // counts.heads
            assert counts.useful in (None, int(wanted.sum()) // times), (text, call)
            assert int(wanted.sum()) <= counts.at_most * times, (text, call)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_what_is_proved_holds_and_what_is_refuted_fails(first: int) -> None:
    for seed in range(first, first + 20):
        text, calls = drawn(seed)
        text = text.removesuffix("}\n") + "assert causal assert covers }\n"
        causal, covers = proofs_of(load(text).bind(), HEADS, HEADS)
        for call in calls:
            found = dense(text, call)
            assert causal.verdict != "proved" or not found.triu(1).any(), (text, call)
            assert covers.verdict != "proved" or found.any(-1).all(), (text, call)
        for proof in (causal, covers):
            example = proof.counterexample
            assert (example is not None) == (proof.verdict == "refuted")
            if example is not None and example.grid:
                pairs = dense(text, {"grid": example.grid})[0 if example.h is None else example.h]
                row, k = pairs[example.q], example.k
                assert not row.any() if k is None else row[k] and k > example.q


@pytest.mark.parametrize("seed", [2, 7, 18])
def test_kernels(seed: int) -> None:
    text, calls = drawn(seed)
    op = attnc.compile(text)
    for call in calls:
        assert_right(op, *qkv(dense(text, call).shape[-1], heads=HEADS, dim=16), **call)
