"""The modes of attention: causal or not, of a sequence to itself or to another, Nq unlike Nk."""

import re
from typing import Any

import numpy as np
import pytest
import torch

import attnc
from attnc.dsl.errors import AttnError
from attnc.dsl.loader import load
from attnc.runtime.oracle import mask
from tests.references import MASKS, PARAMETERS, inputs
from tests.runtime.tolerance import assert_right, qkv

HEADS = 3
LENGTHS = [(17, 17), (9, 40), (23, 5)]
READ_AT_QUERIES = {"input/document", "input/revela"}  # a number of each token of one sequence
NAMES = [name for name in PARAMETERS if name.startswith(("line/", "input/"))]
MODES = [(causal, cross) for causal in (False, True) for cross in (False, True)]


def variant(name: str, causal: bool, cross: bool) -> str:
    """The spec in a mode, without its assertions."""
    text = re.sub(r"^    assert .*\n", "", load(name).source.text, flags=re.MULTILINE)
    if cross:
        text = re.sub(r"^    mask\b", "    cross\n    mask", text, flags=re.MULTILINE)
    if causal:
        body = r"^    mask\b((?:.|\n)*?)(?=^    score|^\})"
        text = re.sub(body, r"    mask causal & (\1)\n", text, flags=re.MULTILINE)
    return text


def tail(q_len: int, kv_len: int, cross: bool) -> Any:
    return np.tri(q_len, kv_len, 0 if cross else kv_len - q_len, dtype=bool)


@pytest.mark.parametrize("name", NAMES)
def test_masks(name: str) -> None:
    given = PARAMETERS[name][0]
    heads = load(name).bind(**given).listed_heads or HEADS
    for causal, cross in MODES:
        spec = variant(name, causal, cross)
        if cross and name in READ_AT_QUERIES:
            with pytest.raises(AttnError, match="token"):
                load(spec)
            continue
        for q_len, kv_len in LENGTHS:
            tensors = inputs(name, heads, kv_len, q_len=q_len, **given)
            found = mask(spec, q_len=q_len, kv_len=kv_len, heads=heads, **given, **tensors)
            if cross and "nbr" in tensors:  # definitions count queries from the last key
                tensors["nbr"] = dict(enumerate(tensors["nbr"], q_len - kv_len))
            wanted = MASKS[name](q_len, kv_len, heads, cross=cross, **given, **tensors)
            wanted = wanted & tail(q_len, kv_len, cross) if causal else wanted
            np.testing.assert_array_equal(np.broadcast_to(found.numpy(), wanted.shape), wanted)


@pytest.mark.parametrize("causal", [False, True])
def test_kernels_of_two_sequences(causal: bool) -> None:
    op = attnc.compile(variant("line/longformer", causal, True), w=9, g=3)
    for q_len, kv_len in [(70, 131), (131, 70), (1, 50)]:
        q, k, v = qkv(q_len=q_len, k_len=kv_len, heads=4, kv_heads=2, dim=16)
        assert torch.isfinite(assert_right(op, q, k, v)).all()
