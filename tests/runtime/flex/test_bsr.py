"""FlashInfer's arrays hold the pairs of the pattern."""

import pytest
import torch

import attnc
from attnc.dsl.errors import InvalidValue, NotBuiltForTarget


@pytest.mark.parametrize("name", ["line/longformer", "line/full", "line/streaming_llm"])
def test_bsr(name: str) -> None:
    given = {} if name == "line/full" else {"w": 20}
    found = attnc.flex.bsr(name, 64, 128, block_size=(16, 32), **given)
    assert (found.M, found.N, found.R, found.C) == (64, 128, 16, 32)
    assert found.indptr.dtype == found.indices.dtype == torch.int32
    assert set(found.plan()) == {"indptr", "indices", "M", "N", "R", "C", "mask"}
    assert (found.mask is None) == (name == "line/full")
    dense = torch.zeros(64, 128, dtype=torch.bool)
    for row in range(4):
        places = range(int(found.indptr[row]), int(found.indptr[row + 1]))
        assert list(found.indices[places.start : places.stop]) == sorted(
            found.indices[list(places)]
        )
        for place in places:
            column = 32 * int(found.indices[place])
            block = True if found.mask is None else found.mask[place]
            dense[16 * row : 16 * row + 16, column : column + 32] = block
    assert torch.equal(dense, attnc.mask(name, q_len=64, kv_len=128, **given)[0])


def test_mistakes() -> None:
    with pytest.raises(InvalidValue, match="multiple"):
        attnc.flex.bsr("line/causal", seq=100)
    with pytest.raises(NotBuiltForTarget, match="each head"):
        attnc.flex.bsr("line/longlora", seq=128, heads=2)
