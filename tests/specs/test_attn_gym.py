"""`attnc.mask` gives the masks of attention-gym, bit for bit.

Each case is a shipped spec or a few lines of the language beside the mask function of the same
arguments. Orders of tokens that no formula has (Morton's) and trees come in as tensors.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from attn_gym import masks as gym
from attn_gym.masks import document_mask
from attn_gym.masks.natten import morton_decode
from torch import Tensor
from torch.nn.attention.flex_attention import and_masks, create_mask

import attnc

ROUTED = {"generate_vsa_mask_mod"}  # tiles chosen by their scores
MaskMod = Callable[..., Tensor]


class Case(NamedTuple):
    """A spec with its parameters, inputs and lengths, and the mask function."""

    spec: str
    given: dict[str, Any]
    other: MaskMod

    def check(self) -> None:
        """Both are the same bits."""
        found = attnc.mask(self.spec, **self.given)
        q_len, kv_len = found.shape[-2:]
        wanted = create_mask(self.other, 1, 1, q_len, kv_len, device="cpu")
        assert found.shape == (1, q_len, kv_len)
        assert torch.equal(found, wanted[0])


OFFSETS = torch.tensor([0, 5, 6, 20, 33], dtype=torch.int32)
LENGTHS = (OFFSETS[1:] - OFFSETS[:-1]).tolist()
DOC = torch.arange(4, dtype=torch.int32).repeat_interleave(torch.tensor(LENGTHS))
PREFIXES = torch.tensor([0, 0, 0, 3])
GLOBALS = torch.arange(40) % 13 == 2

TILED = """
grid ty: TY, tx: TX, y: 4, x: 2
mask near(w, q_at, k_at, size) = {
    0 <= k_at - clamp(q_at - w div 2, 0, size - w) < w
}
attention tiled(kernel_y = 5, kernel_x = 3) {
    mask near(kernel_y, 4 * q.ty + q.y, 4 * k.ty + k.y, 4 * TY)
        & near(kernel_x, 2 * q.tx + q.x, 2 * k.tx + k.x, 2 * TX)
}
"""
STA = "grid ty: TY, tx: TX, inside: 6\n" + (
    "attention sta(high, wide) { mask neighborhood(high) on ty & neighborhood(wide) on tx }"
)
STA_3D = "grid tt: TT, ty: TY, tx: TX, inside: 8\n" + (
    "attention sta(long, high, wide) "
    "{ mask neighborhood(long) on tt & neighborhood(high) on ty & neighborhood(wide) on tx }"
)
MORTON = """
attention morton(size, w) {
    input row: int[token]
    input column: int[token]
    mask { 0 <= row[k] - clamp(row[q] - w div 2, 0, size - w) < w }
        & { 0 <= column[k] - clamp(column[q] - w div 2, 0, size - w) < w }
}
"""
SHARED_PREFIX = """
attention shared_prefix {
    input doc: int[token]
    input prefix: int[token]
    mask causal & { doc[q] == doc[k] } | { doc[k] == prefix[q] and doc[q] != prefix[q] }
}
"""
DOCUMENT_PREFIX = """
attention document_prefix(n) {
    input doc: int[token]
    input first: int[token]
    mask { doc[q] == doc[k] } & (causal | { k - first[k] < n })
}
"""
TREE = """
attention tree(prefix) {
    input ancestor: int[q, k]
    mask sink(prefix) | { ancestor[q, k] == 1 }
}
"""
TREE_TRAINING = """
attention training(prefix, size) {
    mask sink(prefix) | causal & { k >= prefix and (q - prefix) div size == (k - prefix) div size }
}
"""
FLAMINGO = """
attention flamingo {
    cross
    input first: int[k]
    input end: int[k]
    mask { first[k] <= q < end[k] }
}
"""
GLOBAL = """
attention global_tokens(w) {
    input chosen: int[token]
    mask window(w) | { chosen[q] == 1 or chosen[k] == 1 }
}
"""
SPATIAL = "attention spatial(p, w) { mask global(p) | window(w - 1) }"
SPATIAL_SINK = "attention spatial(p, w, n) { mask { q < p or k < p + n } | window(w - 1) }"
TEMPORAL = """
attention temporal(p, n, w) {
    mask global(p) | { abs((q - p) mod n - (k - p) mod n) < w }
}
"""
BATCHED = "attention batched(size, n) { mask blocks(size) & (causal | { k mod size < n }) }"


def natten() -> Iterator[Case]:
    """Odd kernels; canvases that are not square by the tiled form with tiles of one row."""
    for n, kernel_x, kernel_y in [(7, 3, 5), (8, 7, 1), (5, 5, 3)]:
        given = {"grid": (n, n), "kernel_y": kernel_x, "kernel_x": kernel_y}
        yield Case("grid/natten2d", given, gym.generate_natten(n, n, kernel_x, kernel_y))
    for height, width in [(6, 11), (9, 4)]:
        given = {"grid": (height, width), "kernel_y": 5, "kernel_x": 3}
        other = gym.generate_tiled_natten(width, height, 3, 5, width, 1)
        yield Case("grid/natten2d", given, other)
    other = gym.generate_tiled_natten(6, 8, 3, 5, 2, 4)
    yield Case(TILED, {"grid": (2, 3, 4, 2)}, other)
    row, column = morton_decode(torch.arange(64))
    given = {"seq": 64, "row": row, "column": column, "size": 8, "w": 3}
    yield Case(MORTON, given, gym.generate_morton_natten(8, 8, 3, 3))


def documents() -> Iterator[Case]:
    """Packed sequences."""
    doc = {"seq": 33, "doc": DOC}
    causal = gym.generate_doc_mask_mod(gym.causal_mask, OFFSETS)
    yield Case("input/document", doc, causal)
    yield Case("input/document", doc, gym.generate_packed_causal_doc_mask_mod(OFFSETS))
    prefix = gym.generate_doc_mask_mod(gym.generate_prefix_lm_mask(3), OFFSETS)
    yield Case(DOCUMENT_PREFIX, doc | {"first": OFFSETS[DOC], "n": 3}, prefix)
    shared = gym.generate_shared_prefix_mask_mod(OFFSETS, PREFIXES)
    yield Case(SHARED_PREFIX, doc | {"prefix": PREFIXES[DOC]}, shared)
    assert torch.equal(document_mask.length_to_offsets(LENGTHS, "cpu"), OFFSETS)


def sequences() -> Iterator[Case]:
    """Formulas of one axis."""
    yield Case("line/causal", {"seq": 20}, gym.causal_mask)
    yield Case("line/mistral", {"seq": 30, "w": 8}, gym.generate_sliding_window(7))
    yield Case("line/prefix_lm", {"seq": 20, "n": 7}, gym.generate_prefix_lm_mask(7))
    train = gym.generate_block_diffusion_mask(12, 4)
    yield Case("line/block_diffusion_train", {"seq": 24, "size": 4}, train)
    dilated = gym.generate_dilated_sliding_window(12, 3)
    yield Case("attention a { mask dilated(4, 3) }", {"seq": 40}, dilated)
    uneven = "attention a(w = 10, d = 4) { mask window(w) & strided(d) }"
    yield Case(uneven, {"seq": 40}, gym.generate_dilated_sliding_window(10, 4))
    given = {"seq": 40, "w": 3, "chosen": GLOBALS.int()}
    yield Case(GLOBAL, given, gym.generate_global_sliding_window(3, GLOBALS))
    first = torch.arange(40) < 5
    given = {"seq": 40, "w": 3, "g": 5}
    yield Case("line/longformer", given, gym.generate_global_sliding_window(3, first))
    batched = gym.batchify_mask_mod(gym.generate_prefix_lm_mask(2), 8)
    yield Case(BATCHED, {"seq": 30, "size": 8, "n": 2}, batched)
    both = and_masks(gym.causal_mask, gym.generate_global_sliding_window(3, first))
    yield Case("attention a { mask causal & (window(3) | global(5)) }", {"seq": 40}, both)


def trees() -> Iterator[Case]:
    """Drafts: positions of queries follow those of the prefix."""
    ancestor = gym.build_tree_ancestor_matrix([-1, 0, 1, 1, 3, 3, 0], device="cpu")
    n = len(ancestor)
    for prefix in (0, 5):
        columns = torch.cat([torch.zeros(n, prefix), ancestor], dim=1).int()
        given = {"q_len": n, "kv_len": prefix + n, "prefix": prefix, "ancestor": columns}
        yield Case(TREE, given, gym.generate_jetspec_tree_causal_mask_mod(prefix, ancestor))
        given = {"q_len": 12, "kv_len": prefix + 12, "prefix": prefix, "size": 4}
        yield Case(TREE_TRAINING, given, gym.generate_jetspec_training_mask_mod(prefix, 4))


def pictures() -> Iterator[Case]:
    """Tiles of images and videos, frames, images beside text."""
    for high, wide in [(3, 1), (2, 3), (4, 2)]:
        other = gym.generate_sta_mask_mod_2d((8, 15), (2 * high, 3 * wide), (2, 3))
        yield Case(STA, {"grid": (4, 5, 6), "high": high, "wide": wide}, other)
    other = gym.generate_sta_mask_mod_3d((4, 6, 8), (2, 6, 4), (2, 2, 2))
    yield Case(STA_3D, {"grid": (2, 3, 4, 8), "long": 1, "high": 3, "wide": 2}, other)
    frames = {"prompt_length": 4, "num_frames": 3, "token_per_frame": 10}
    given = {"seq": 34, "p": 4, "w": 12}
    near = {"width": 1.2, "round_width": 4}
    yield Case(SPATIAL, given, gym.generate_spatial_head_mask_mod(**frames, **near))
    sink = gym.generate_spatial_head_mask_mod(**frames, **near, attn_sink=True)
    yield Case(SPATIAL_SINK, given | {"n": 10}, sink)
    temporal = gym.generate_temporal_head_mask_mod(**frames, width=1)
    yield Case(TEMPORAL, {"seq": 34, "p": 4, "n": 10, "w": 3}, temporal)
    spans = torch.tensor([[0, 6], [4, 12], [15, 20]])
    first, end = (spans[:, side].repeat_interleave(5) for side in (0, 1))
    given = {"q_len": 20, "kv_len": 15, "first": first, "end": end}
    yield Case(FLAMINGO, given, gym.generate_vision_cross_attention_mask_mod(spans, 5))


@pytest.mark.parametrize("cases", [natten, documents, sequences, trees, pictures])
def test_same_bits(cases: Callable[[], Iterator[Case]]) -> None:
    for case in cases():
        case.check()


def test_every_generator_is_compared() -> None:
    """A release of attention-gym with a new mask is noticed."""
    shipped = {name for name in dir(gym) if name.startswith("generate_")}
    text = Path(__file__).read_text()
    assert {name for name in shipped if f"gym.{name}(" not in text} == ROUTED
