"""Every shipped spec, at several lengths and parameters, is the relation that its paper defines."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from attnc.dsl.loader import load, shipped
from attnc.runtime.oracle import mask
from tests.references import MASKS, PARAMETERS, inputs

HEADS = 3
LENGTHS = [(1, 1), (2, 2), (3, 3), (17, 17), (40, 40), (1, 29), (9, 40), (13, 5), (0, 7), (7, 0)]
CASES = [(name, p) for name, cases in PARAMETERS.items() for p in cases]
BY_HEAD_INPUT = {"input/key_flags", "input/head_classes", "input/reuse", "line/subsample"}
BY_HEAD = {"line/longformer_dilated"}  # by a list with an item for each head
PER_HEAD = {"line/s2_attention", "line/longlora", "line/sink_lora", "line/bigbird"}


def heads_of(name: str, parameters: Mapping[str, Any]) -> int:
    return load(name).bind(**parameters).listed_heads or HEADS


def test_every_shipped_spec_has_a_reference() -> None:
    assert sorted(MASKS) == sorted(shipped())


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
def test_mask(name: str, parameters: dict[str, int]) -> None:
    heads = heads_of(name, parameters)
    for q_len, kv_len in LENGTHS:
        given = parameters | inputs(name, heads, kv_len, q_len=q_len, **parameters)
        found = mask(name, q_len=q_len, kv_len=kv_len, heads=heads, **given).numpy()
        by_head = name in PER_HEAD | BY_HEAD | BY_HEAD_INPUT
        assert found.shape == (heads if by_head else 1, q_len, kv_len)
        wanted = MASKS[name](q_len, kv_len, heads, **given)
        np.testing.assert_array_equal(np.broadcast_to(found, wanted.shape), wanted)


@pytest.mark.parametrize("heads", [1, 2, 5])
@pytest.mark.parametrize("name", sorted(PER_HEAD))
def test_heads(name: str, heads: int) -> None:
    for parameters in PARAMETERS[name]:
        found = mask(name, seq=33, heads=heads, **parameters).numpy()
        np.testing.assert_array_equal(found, MASKS[name](33, 33, heads, **parameters))


@pytest.mark.parametrize("name", shipped())
def test_defaults(name: str) -> None:
    """The sizes that a spec has by itself, at a length that they matter for or not."""
    values = dict(load(name).bind().values)
    heads = heads_of(name, values)
    given = values | inputs(name, heads, 70, **values)
    found = mask(name, seq=70, heads=heads, **given).numpy()
    wanted = MASKS[name](70, 70, heads, **given)
    np.testing.assert_array_equal(np.broadcast_to(found, wanted.shape), wanted)
