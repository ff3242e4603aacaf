"""Block masks from the analysis are those that FlexAttention finds by testing every pair."""

import math
import shutil
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

import attnc
from attnc.dsl.errors import (
    AttnError,
    HeadsMissing,
    InvalidValue,
    MissingInput,
    NotBuiltForTarget,
    ShapeMismatch,
)
from attnc.dsl.loader import load
from tests.references import PARAMETERS, inputs
from tests.references.grid import CASES as GRIDS

HEADS = 3
LISTS = ("kv", "full_kv", "q", "full_q")
SETS = ("input/gather", "input/mesh", "input/reuse")
CASES = [(n, given) for n, cases in PARAMETERS.items() if n not in SETS for given in cases]
POINTS = [(name, *case) for name, cases in GRIDS.items() for case in cases]
COMPILER = shutil.which("g++") or shutil.which("clang++")


def assert_equal(found: BlockMask, wanted: BlockMask) -> None:
    """The same blocks; what follows the first `num` indices of a row means nothing."""
    assert found.seq_lengths == wanted.seq_lengths and found.BLOCK_SIZE == wanted.BLOCK_SIZE
    for name in LISTS:
        counts = [getattr(mask, f"{name}_num_blocks") for mask in (found, wanted)]
        indices = [getattr(mask, f"{name}_indices") for mask in (found, wanted)]
        assert torch.equal(*counts), name
        assert indices[0].dtype == torch.int32 and indices[0].shape == indices[1].shape
        used = torch.arange(indices[0].shape[-1]) < counts[0][..., None]
        assert torch.equal(indices[0][used], indices[1][used]), name


def assert_right(found: BlockMask, dense: Tensor) -> None:
    """It is the block mask of the oracle's pairs, and its `mask_mod` gives these pairs."""
    dense = dense if dense.dim() == 4 else dense[None]
    if found.kv_indices.shape[1] == 1:  # the heads of a formula may turn out to share a pattern
        assert (dense == dense[:, :1]).all()
        dense = dense[:, :1]
    batch, heads, q_len, k_len = dense.shape
    b, h, i, j = (torch.arange(n) for n in dense.shape)
    wanted = create_block_mask(
        lambda b, h, i, j: dense[b, h, i, j],
        batch, heads, q_len, k_len, device="cpu", BLOCK_SIZE=found.BLOCK_SIZE,
    )  # fmt: skip
    assert_equal(found, wanted)
    places = b[:, None, None, None], h[:, None, None], i[:, None], j
    pairs = found.mask_mod(*places)
    assert pairs.dtype == torch.bool and torch.equal(pairs.expand(dense.shape), dense)


@pytest.mark.parametrize("name", SETS)
def test_sets_are_refused(name: str) -> None:
    tensors = inputs(name, HEADS, 40, **PARAMETERS[name][0])
    given = {label: torch.as_tensor(x) for label, x in tensors.items()}
    with pytest.raises(attnc.AttnError, match="run-time set"):
        attnc.flex.block_mask(name, 40, 40, heads=HEADS, **PARAMETERS[name][0], **given)


@pytest.mark.parametrize(("name", "given"), CASES, ids=str)
def test_sequences(name: str, given: dict[str, Any]) -> None:
    heads = load(name).bind(**given).listed_heads or HEADS
    for q_len, kv_len, block in ((150, 150, 16), (37, 130, (8, 32)), (64, 64, 32)):
        tensors = inputs(name, heads, kv_len, q_len=q_len, **given)
        tensors = {label: torch.as_tensor(x) for label, x in tensors.items()}
        found = attnc.flex.block_mask(
            name, q_len, kv_len, heads=heads, block_size=block, **given, **tensors
        )
        lengths = {"q_len": q_len, "kv_len": kv_len, "heads": heads}
        assert_right(found, attnc.mask(name, **lengths, **given, **tensors))


@pytest.mark.parametrize(("name", "grid", "given"), POINTS, ids=str)
def test_grids(name: str, grid: tuple[int, ...], given: dict[str, Any]) -> None:
    found = attnc.flex.block_mask(name, grid=grid, block_size=16, **given)
    tokens = math.prod(grid) + sum(given.get(segment.name, 0) for segment in load(name).segments)
    assert found.seq_lengths == (tokens,) * 2
    assert_right(found, attnc.mask(name, grid=grid, **given))


@pytest.mark.parametrize("name", ["line/longformer", "line/s2_attention", "grid/natten2d"])
def test_mask_functions_can_be_mapped(name: str) -> None:
    """The function, instead of a table of pairs, gives FlexAttention the same block mask."""
    size = {"grid": (12, 20)} if name.startswith("grid") else {"seq": 300}
    found = attnc.flex.block_mask(name, heads=2, **size)
    heads, length = found.kv_indices.shape[1], found.seq_lengths[0]
    wanted = create_block_mask(found.mask_mod, None, heads, length, length, device="cpu")
    assert_equal(found, wanted)


DOCUMENTS = "attention a { input doc: int[token] mask { doc[q] == doc[k] } }"
LIMITS = "attention a { input far: float[h, k] mask causal & { far[h, k] > 0.5 } }"
CROSSED = """attention a { cross input lens: int[b] input low: int[hkv, q]
    mask { k < lens[b] } & { k >= low[h, q] } }"""


@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize("batch", [(), (1,), (3,)])
def test_documents(sort: bool, batch: tuple[int, ...]) -> None:
    doc = torch.randint(0, 6, (*batch, 200))
    doc = doc.sort().values if sort else doc
    given = {"seq": 200, "doc": doc, "batch": batch[0] if batch else None}
    found = attnc.flex.block_mask(DOCUMENTS, block_size=16, **given)
    assert found.kv_indices.shape[0] == (batch[0] if batch else 1)
    assert_right(found, attnc.mask(DOCUMENTS, **given))


def test_tensors_of_other_axes() -> None:
    far = torch.rand(4, 90)
    far[:, :40] = 1
    far[1, 3] = math.nan
    found = attnc.flex.block_mask(LIMITS, 70, 90, heads=4, far=far, block_size=16)
    assert_right(found, attnc.mask(LIMITS, q_len=70, kv_len=90, heads=4, far=far))
    given = {"heads": 4, "kv_heads": 2, "batch": 2, "lens": torch.tensor([100, 31])}
    given["low"] = torch.arange(60).expand(2, 60).clone()
    found = attnc.flex.block_mask(CROSSED, 60, 110, block_size=16, **given)
    assert_right(found, attnc.mask(CROSSED, q_len=60, kv_len=110, **given))


def test_run_time_numbers_and_entries() -> None:
    spec = "attention a { input n: int mask causal & { k >= n + 3 * b } }"
    found = attnc.flex.block_mask(spec, seq=100, n=20, batch=2, block_size=32)
    assert_right(found, attnc.mask(spec, seq=100, n=20, batch=2))


def test_random_masks() -> None:
    """Conditions with floors, heads and unions at lengths that no tile divides."""
    chance = np.random.default_rng(1)
    for _ in range(5):
        a, b, c, d, n, m = (int(x) for x in chance.integers(1, 8, 6))
        spec = (
            f"attention x {{ mask ({{ (q + {a} * h) div {b} mod {c} == k div {d} mod {c} }} "
            f"| window({a}, {d}) | columns({b + 2})) - {{ q - k == {n * m} }} }}"
        )
        q_len, kv_len = (int(x) for x in chance.integers(1, 90, 2))
        found = attnc.flex.block_mask(spec, q_len, kv_len, heads=2, block_size=(n + 3, m + 3))
        assert_right(found, attnc.mask(spec, q_len=q_len, kv_len=kv_len, heads=2))


@pytest.mark.skipif(COMPILER is None, reason="FlexAttention compiles C++ for CPUs")
def test_compiled_flex_attention() -> None:
    """Compiled, a mask and a score from attnc give what float64 gives."""
    slope, mask = torch.tensor([0.5, 0.25]), {"spec": "line/longformer", "seq": 500, "w": 200}
    q, k, v = torch.randn(3, 1, 2, 500, 16)
    blocks = attnc.flex.block_mask(**mask)
    assert blocks.full_kv_num_blocks is not None and blocks.full_kv_num_blocks.sum() > 0
    penalty = attnc.flex.score_mod("score/alibi", seq=500, heads=2, slope=slope)
    out = torch.compile(flex_attention)(q, k, v, block_mask=blocks, score_mod=penalty)
    distance = torch.arange(500)[:, None] - torch.arange(500)
    scores = q.double() @ k.double().mT / 4 - slope[:, None, None] * distance
    wanted = scores.masked_fill(~attnc.mask(**mask), -math.inf).softmax(-1) @ v.double()
    torch.testing.assert_close(out.double(), wanted, atol=1e-5, rtol=1e-4)


def test_scores() -> None:
    assert attnc.flex.score_mod("line/causal", seq=8) is None
    capped = attnc.flex.score_mod("score/softcap", seq=8, cap=2.0)
    assert capped is not None
    s = torch.linspace(-9, 9, 7)
    torch.testing.assert_close(capped(s, *torch.zeros(4, dtype=torch.int64)), 2 * torch.tanh(s / 2))
    with pytest.raises(NotBuiltForTarget, match="another term"):
        attnc.flex.score_mod("score/softmax1", seq=8)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        ({"spec": "line/causal"}, AttnError, "q_len"),
        ({"spec": "line/causal", "seq": 0}, InvalidValue, "1 or more"),
        ({"spec": "line/causal", "seq": 9, "block_size": 0}, InvalidValue, "positive"),
        ({"spec": "line/causal", "seq": 9, "grid": (3, 3)}, InvalidValue, "no grid"),
        ({"spec": "grid/axial", "grid": (3, 3), "seq": 8}, InvalidValue, "9"),
        ({"spec": "route/moba", "seq": 9}, NotBuiltForTarget, "route"),
        ({"spec": "line/longlora", "seq": 9}, HeadsMissing, "heads"),
        ({"spec": "input/document", "seq": 9}, MissingInput, "doc"),
        ({"spec": DOCUMENTS, "seq": 9, "doc": torch.zeros(8).int()}, ShapeMismatch, "9"),
    ],
)  # fmt: skip
def test_mistakes(call: dict[str, Any], error: type[AttnError], text: str) -> None:
    with pytest.raises(error, match=text):
        attnc.flex.block_mask(**call)
