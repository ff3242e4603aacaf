"""Every shipped spec, at several lengths and parameters, is the relation that its paper defines."""

import numpy as np
import pytest

from attnc.dsl.loader import load, shipped
from attnc.runtime.oracle import mask
from tests.references import MASKS, PARAMETERS, inputs

HEADS = 3
LENGTHS = [(1, 1), (2, 2), (3, 3), (17, 17), (40, 40), (1, 29), (9, 40), (13, 5), (0, 7), (7, 0)]
CASES = [(name, p) for name, cases in PARAMETERS.items() for p in cases]
BY_HEAD_INPUT = {"input/key_flags", "input/head_classes", "input/reuse"}
PER_HEAD = {"line/s2_attention", "line/longlora", "line/sink_lora"}


def test_every_shipped_spec_has_a_reference() -> None:
    assert sorted(MASKS) == sorted(shipped())


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
def test_mask(name: str, parameters: dict[str, int]) -> None:
    for q_len, kv_len in LENGTHS:
        given = parameters | inputs(name, HEADS, kv_len, q_len=q_len, **parameters)
        found = mask(name, q_len=q_len, kv_len=kv_len, heads=HEADS, **given).numpy()
        assert found.shape == (HEADS if name in PER_HEAD | BY_HEAD_INPUT else 1, q_len, kv_len)
        wanted = MASKS[name](q_len, kv_len, HEADS, **given)
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
    given = values | inputs(name, HEADS, 70, **values)
    found = mask(name, seq=70, heads=HEADS, **given).numpy()
    wanted = MASKS[name](70, 70, HEADS, **given)
    np.testing.assert_array_equal(np.broadcast_to(found, wanted.shape), wanted)
