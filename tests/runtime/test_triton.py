"""Triton files against the oracle, in Triton's interpreter."""

import json
from pathlib import Path

import pytest

from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime.gpu.lower_triton import triton_source
from tests.interpreter import interpreted
from tests.references import WITHOUT_SETS

SCRIPT = Path(__file__).with_name("triton_numbers.py")
SMALL = {
    "line/mistral": {"w": 40},
    "line/longformer": {"w": 20, "g": 4},
    "line/block_diffusion": {"size": 16},
    "line/block_diffusion_train": {"size": 8},
    "line/longlora": {"g": 32},
    "line/power_attention": {"w": 16, "block": 32},
    "line/prefix_lm": {"n": 20},
    "line/s2_attention": {"w": 32, "block": 16},
    "line/sparse_transformer_fixed": {"l": 24, "c": 4},
    "line/sparse_transformer_strided": {"l": 12},
    "line/streaming_llm": {"w": 24},
    "score/relative_bias": {"r": 16},
    "score/sink_logit": {"w": 20},
}
LENGTHS = [(67, 67), (21, 90), (40, 24)]
BIAS = """
attention biased {
    input bias: float[h, q, k] grad
    input gate: float[h, token] grad
    input slope: float[hkv] grad
    input tau: float grad
    mask { 0 <= q - k < 9 }
    score tanh(s * tau) * exp(gate[h, k]) + bias[h, q, k] - slope[h] * abs(q - k) + gate[h, q]
}
"""
GRADIENTS = [
    {"spec": "line/causal", "parameters": {}, "lengths": [(37, 37), (24, 9)]},
    {"spec": "line/mistral", "parameters": {"w": 20}, "lengths": [(19, 50)], "dims": (80, 48)},
    {"spec": "line/mistral", "parameters": {"w": 9}, "lengths": [(34, 34)], "scale": -0.5},
    {"spec": "line/longformer", "parameters": {"w": 8, "g": 3}, "lengths": [(33, 40)]},
    {"spec": "score/softcap", "parameters": {"cap": 2.0}, "lengths": [(21, 35)]},
    {"spec": "score/alibi", "parameters": {}, "lengths": [(33, 33), (20, 40)]},
    {"spec": "score/sink_logit", "parameters": {"w": 12}, "lengths": [(33, 33), (30, 20)]},
    {"spec": "input/document", "parameters": {}, "lengths": [(40, 40)]},
    {"spec": "line/power_attention", "parameters": {"w": 8, "block": 16}, "lengths": [(36, 36)]},
    {"spec": "line/longlora", "parameters": {"g": 16}, "lengths": [(33, 33)]},
    {"spec": "biased", "text": BIAS, "parameters": {}, "lengths": [(21, 21), (18, 30)]},
    {"spec": "score/relative_bias", "parameters": {"r": 7}, "lengths": [(20, 37)]},
    {"spec": "input/revela", "parameters": {"documents": 3}, "lengths": [(37, 37)]},
]
TOLD = {case["spec"] for case in GRADIENTS}
CACHES = {"size": (2, 3, 50), "kv_len": [20, 47], "q_start": [17, 30]}
PACKED = {"size": (1, 23, 23), "cu_seqlens": [0, 3, 3, 23]}
SPLIT = [{"splits": 3, **CACHES}, {"splits": 2, **PACKED}]
FEW = [
    {"spec": "line/mistral", "parameters": {"w": 20}, "rows": 6, "packed": 2, "calls": SPLIT},
    {"spec": "line/longformer", "parameters": {"w": 8, "g": 3}, "rows": 16, "packed": 2,
     "calls": [{"size": (1, 1, 60), "splits": 1}]},
    {"spec": "line/longlora", "parameters": {"g": 16}, "rows": 16, "calls": SPLIT[:1]},
    {"spec": "score/sink_logit", "parameters": {"w": 20}, "rows": 16, "packed": 2, "dims": (48, 80),
     "calls": SPLIT[:1]},
    {"spec": "input/document", "parameters": {}, "rows": 16, "packed": 2, "calls": SPLIT[1:]},
]  # fmt: skip
BEYOND = {"size": (2, 3, 50), "kv_len": [20, 47], "q_start": [25, 60]}  # queries after the keys
SEQUENCES = [
    {"spec": "input/key_flags", "parameters": {}, "calls": [BEYOND]},
    {"spec": "score/alibi", "parameters": {}, "calls": [CACHES]},
    {"spec": "input/document", "parameters": {}, "calls": [PACKED]},
]
LATE = {"size": (2, 19, 40), "kv_len": [20, 37], "q_start": [7, 18]}
PADDED = {"size": (2, 19, 21), "k_start": [-4, 0]}
TRAINED = [
    {"spec": "line/mistral", "parameters": {"w": 9}, "calls": [LATE, PACKED]},
    {"spec": "score/sink_logit", "parameters": {"w": 12}, "calls": [PADDED]},
    {"spec": "biased", "text": BIAS, "parameters": {}, "calls": [LATE, PADDED, PACKED]},
    {"spec": "score/relative_bias", "parameters": {"r": 7}, "calls": [PACKED]},
]
FOLDERS = ("line", "score", "input")
HALF = [
    {"dims": (80, 48), "dtype": "bfloat16"},
    {"dims": (72, 16), "dtype": "float16"},
    {"dims": (16, 32), "tile": (32, 16), "scale": -0.5},
    {"dims": (16, 16), "tile": (16, 32), "scale": 0.0},
    {"dims": (32, 16), "tile": (32, 16), "dtype": "float16", "descriptors": True},
]


def numbers(cases: list[dict]) -> list[dict]:
    return [json.loads(line) for line in interpreted(SCRIPT, json.dumps(cases)).splitlines()]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_one_axis_spec(folder):
    cases = [
        {"spec": spec, "parameters": SMALL.get(spec, {}), "lengths": LENGTHS}
        for spec in WITHOUT_SETS
        if spec.startswith(folder)
    ]  # fmt: skip
    found = numbers(cases)
    assert len(found) == len(LENGTHS) * len(cases) > 0
    wrong = [
        r for r in found
        if not (r["out"] < 1e-5 and r["lse"] < 1e-5 and r["blind"] and r["repeats"])
    ]  # fmt: skip
    assert not wrong


def test_dtypes_dims_tiles_and_scales():
    cases = [
        {"spec": "line/mistral", "parameters": {"w": 20}, "lengths": [(45, 61)], **options}
        for options in HALF
    ]
    tolerance = {"bfloat16": 3e-2, "float16": 4e-3}
    for case, found in zip(cases, numbers(cases), strict=True):
        bound = tolerance.get(case.get("dtype", ""), 1e-5)
        assert found["out"] < bound and found["blind"] and found["repeats"], found


def test_few_queries_and_sequences():
    cases = [*FEW, *({**case, "sequences": True} for case in SEQUENCES)]
    found = numbers(cases)
    assert len(found) == sum(len(case["calls"]) for case in cases)
    assert not [
        r for r in found
        if not (r["out"] < 1e-5 and r["lse"] < 1e-5 and r["blind"] and r["repeats"])
    ]  # fmt: skip


def test_gradients():
    cases = [{**case, "backward": (16, 16)} for case in GRADIENTS]
    found = numbers(cases)
    assert len(found) == sum(len(case["lengths"]) for case in cases)
    assert not [r for r in found if not (max(r["errors"]) < 1e-5 and r["repeats"])]


def test_gradients_of_every_other_spec():
    cases = [
        {"spec": spec, "parameters": SMALL.get(spec, {}), "lengths": [(37, 41)],
         "tile": (32, 32), "backward": (32, 32)}
        for spec in WITHOUT_SETS
        if spec.startswith(FOLDERS) and spec not in TOLD
    ]  # fmt: skip
    found = numbers(cases)
    assert len(found) == len(cases) > 0
    assert not [r for r in found if not (max(r["errors"]) < 1e-5 and r["repeats"])]


def test_gradients_of_sequences():
    """Chunks before a cache's end, left padding, packed sequences."""
    cases = [{**case, "backward": (16, 16), "sequences": True} for case in TRAINED]
    found = numbers(cases)
    assert len(found) == sum(len(case["calls"]) for case in cases)
    assert not [r for r in found if not (max(r["errors"]) < 1e-5 and r["repeats"])]


def test_a_file_needs_no_attnc(tmp_path):
    source = triton_source(load("line/causal").bind(), Sizes(head_dim=16, value_dim=16), (16, 16))
    (tmp_path / "vendored.py").write_text(source.text, encoding="utf-8")
    script = (
        "import sys; sys.modules['attnc'] = None\n"
        "import torch, vendored\n"
        "x = torch.randn(1, 2, 20, 16)\n"
        "wanted = torch.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)\n"
        "assert (vendored.attention(x, x, x) - wanted).abs().max() < 1e-5\n"
    )
    interpreted("-c", script, PYTHONPATH=str(tmp_path))  # raises where an assertion fails
