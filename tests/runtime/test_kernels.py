"""Every shipped spec compiled, against the oracle: the shapes that break kernels."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

import attnc
from attnc.dsl.loader import shipped
from attnc.runtime.operator import Operator
from tests.references import inputs
from tests.runtime.tolerance import assert_right, qkv

pytestmark = pytest.mark.usefixtures("poisoned")

# Parameters near the tile of 48 x 8, then some that are longer than every sequence or tiny.
PARAMETERS: dict[str, tuple[dict[str, Any], ...]] = {
    "input/document": ({},),
    "input/gather": ({},),
    "input/head_classes": ({"sinks": 4, "w": 30},),
    "input/key_flags": ({},),
    "input/learned_mask": ({},),
    "input/mesh": ({"w": 4, "d": 8, "globals": 1},),
    "input/reuse": ({"sinks": 4, "w": 20},),
    "input/revela": ({"documents": 4},),
    "line/block_diffusion": ({"size": 32}, {"size": 7}),
    "line/block_diffusion_train": ({"size": 16}, {"size": 5}),
    "line/causal": ({},),
    "line/full": ({},),
    "line/longformer": ({"w": 30, "g": 11}, {"w": 500, "g": 0}),
    "line/longformer_dilated": (
        {"w": 8, "g": 11, "dilations": [1, 4, 1, 3]},
        {"w": 200, "g": 0, "dilations": [2, 2, 2, 5]},
    ),
    "line/longlora": ({"g": 32}, {"g": 7}),
    "line/mistral": ({"w": 60}, {"w": 1000}, {"w": 1}),
    "line/moonshine": ({"left": 16, "right": 4}, {"left": 300, "right": 0}),
    "line/power_attention": ({"w": 20, "sinks": 4, "block": 8}, {"w": 1, "sinks": 0, "block": 1}),
    "line/bigbird": ({"block": 16, "w": 1, "g": 1, "r": 2, "seed": 5},),
    "line/subsample": ({"p": 0.3},),
    "line/prefix_lm": ({"n": 61}, {"n": 900}),
    "line/s2_attention": ({"w": 17, "block": 16}, {"w": 1, "block": 5}),
    "line/sener_arrow": ({"w": 30, "base": 64},),
    "line/short_swa": ({"w": 8},),
    "line/sink_lora": ({"g": 32, "back": 2, "sinks": 4},),
    "line/sparse_transformer_fixed": ({"l": 32, "c": 4}, {"l": 300, "c": 9}),
    "line/sparse_transformer_strided": ({"l": 24}, {"l": 1000}),
    "line/streaming_llm": ({"sinks": 4, "w": 50}, {"sinks": 3, "w": 700}),
    "line/streaming_vlm": ({"sinks": 4, "text_window": 60, "vision_window": 9},),
    "score/alibi": ({},),
    "score/relative_bias": ({"r": 20}, {"r": 0}),
    "score/sink_logit": ({"w": 50}, {"w": 1}),
    "score/softcap": ({"cap": 50.0}, {"cap": 0.5}),
    "score/softmax1": ({},),
}
DIMS = [(64, 64), (40, 24), (80, 96), (16, 16)]
HEAD_DEPENDENT = (
    "line/bigbird", "line/longformer_dilated", "line/longlora", "line/s2_attention",
    "line/sink_lora", "line/subsample",
)  # fmt: skip
CASES = [
    (name, given, *DIMS[(place + turn) % len(DIMS)])
    for place, (name, cases) in enumerate(PARAMETERS.items())
    for turn, given in enumerate(cases)
]
LENGTHS = [(1, 1), (5, 5), (48, 48), (49, 49), (131, 131), (1, 300), (7, 300), (131, 37), (60, 3)]
RATIOS = [(1, 1), (4, 2), (3, 1), (10, 2)]


def shapes(name: str) -> Iterator[dict[str, int]]:
    """Lengths with a head count each; specs that know the head count stay with one."""
    for place, (q_len, k_len) in enumerate(LENGTHS):
        heads, kv_heads = (4, 2) if name in HEAD_DEPENDENT else RATIOS[place % len(RATIOS)]
        batch = 1 + place % 2
        yield {"q_len": q_len, "k_len": k_len, "heads": heads, "kv_heads": kv_heads, "batch": batch}


def check(op: Operator, name: str, given: dict[str, Any], **shape: int) -> None:
    q, k, v = qkv(**shape)
    extra = inputs(name, q.shape[1], k.shape[2], q_len=q.shape[2], **given)
    tensors = {n: torch.from_numpy(x) for n, x in extra.items()}
    assert assert_right(op, q, k, v, **tensors).isfinite().all()


def test_every_shipped_spec_is_a_case() -> None:
    assert list(shipped()) == sorted(PARAMETERS)


@pytest.mark.parametrize(("name", "given", "dim", "value_dim"), CASES, ids=str)
def test_shipped(name: str, given: dict[str, Any], dim: int, value_dim: int) -> None:
    op = attnc.compile(name, **given)
    for shape in shapes(name):
        check(op, name, given, dim=dim, value_dim=value_dim, **shape)


@pytest.mark.parametrize(("heads", "kv_heads"), [(1, 1), (6, 3), (9, 3), (5, 1)])
def test_ratios_of_a_mask_that_depends_on_the_head(heads: int, kv_heads: int) -> None:
    name, given = "line/s2_attention", {"w": 17, "block": 16}
    op = attnc.compile(name, **given)
    check(op, name, given, q_len=100, heads=heads, kv_heads=kv_heads)
    check(op, name, given, q_len=9, k_len=70, heads=heads, kv_heads=kv_heads, batch=2)


@pytest.mark.parametrize(("dim", "value_dim"), [(1, 1), (3, 7), (17, 33), (128, 1), (8, 256)])
def test_dimensions(dim: int, value_dim: int) -> None:
    op = attnc.compile("line/mistral", w=60)
    for q_len, k_len in ((1, 60), (100, 100), (3, 1)):
        check(op, "line/mistral", {}, q_len=q_len, k_len=k_len, dim=dim, value_dim=value_dim)


def test_long() -> None:
    """Enough tiles that most are full, and several per thread."""
    op = attnc.compile("line/longformer", w=30, g=11)
    check(op, "line/longformer", {}, q_len=1000, heads=2, kv_heads=1)
    check(op, "line/longformer", {}, q_len=500, k_len=777, heads=1)
