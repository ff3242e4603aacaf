"""The mask function, and the meaning of each construct of the language on small cases."""

import numpy as np
import pytest
import torch

from attnc.dsl.errors import (
    AttnError,
    HeadCountMismatch,
    HeadsMissing,
    InvalidValue,
    MissingInput,
    ShapeMismatch,
)
from attnc.runtime.oracle import mask
from attnc.runtime.oracle.errors import BatchMissing, LengthMissing

N = 12
Q, K = np.arange(N)[:, None], np.arange(N)[None, :]


def only(body: str, parameters: str = "") -> str:
    return f"attention a{parameters} {{ mask {body} }}"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("{ true }", np.ones((N, N))),
        ("{ false }", np.zeros((N, N))),
        ("{ not k <= q }", Q < K),
        ("{ k <= q and q - k < 3 or k == 0 }", (Q >= K) & (Q - K < 3) | (K == 0)),
        ("{ 0 <= q - k < 4 }", (Q - K >= 0) & (Q - K < 4)),
        ("{ 2 < q != k >= 1 }", (Q > 2) & (Q != K) & (K >= 1)),
        ("{ (k - q) div 3 == -1 }", np.floor((K - Q) / 3) == -1),
        ("{ (k - q) mod 3 == 2 }", (K - Q) - 3 * np.floor((K - Q) / 3) == 2),
        ("{ abs(q - k) <= 2 }", np.abs(Q - K) <= 2),
        ("{ min(q, 5) == max(k, 3) }", np.minimum(Q, 5) == np.maximum(K, 3)),
        ("{ clamp(q, 6, 2) == k }", (Q >= 0) & (K == 2)),
        ("{ exists i in 1..4 : q - k == 2^i }", np.isin(Q - K, [2, 4, 8])),
        ("{ exists i in 3..3 : q == k }", np.zeros((N, N))),
        ("{ k == len - 1 - (qlen - 12) }", (Q >= 0) & (K == N - 1)),
        ("causal - window(2)", (Q >= K) & (np.abs(Q - K) > 2)),
        ("~causal & window(r = 1, l = 0)", K - Q == 1),
        ("causal when q mod 2 == 0", (Q >= K) & (Q % 2 == 0)),
        ("neighborhood(5)", np.abs(np.clip(Q, 2, N - 3) - K) <= 2),
        ("powers(1)", np.isin(Q - K, [1, 2, 4, 8])),
        ("dilated(2, 3)", np.isin(Q - K, [-6, -3, 0, 3, 6])),
        ("block_window(4, 1, 0)", np.isin(Q // 4 - K // 4, [0, 1])),
        ("columns(4, 1)", (Q >= 0) & (K % 4 == 1)),
    ],
)
def test_constructs(body: str, wanted: np.ndarray) -> None:
    np.testing.assert_array_equal(mask(only(body), seq=N).numpy()[0], wanted)


def test_positions_by_default_and_under_cross() -> None:
    last = mask(only("causal"), q_len=3, kv_len=5)
    np.testing.assert_array_equal(last[0], np.tri(5, dtype=bool)[2:])
    more_queries = mask(only("causal"), q_len=5, kv_len=3)
    np.testing.assert_array_equal(more_queries[0], np.tri(5, 3, -2, dtype=bool))
    first = mask("attention a { cross mask causal }", q_len=5, kv_len=3)
    np.testing.assert_array_equal(first[0], np.tri(5, 3, dtype=bool))


def test_defaults_of_a_mask_are_seen_in_the_mask() -> None:
    spec = "mask near(l, r = l + 1) = { -l <= k - q <= r }\n" + only("near(w - 1)", "(w = 2)")
    np.testing.assert_array_equal(mask(spec, seq=N, w=3)[0], (Q - K <= 2) & (K - Q <= 3))


def test_heads_only_where_the_head_matters() -> None:
    assert mask(only("causal"), seq=4, heads=8).shape == (1, 4, 4)
    spec = only("causal when h < heads div 2")
    assert mask(spec, seq=4, heads=3).flatten(1).any(1).tolist() == [True, False, False]
    with pytest.raises(HeadsMissing):
        mask(spec, seq=4)
    with pytest.raises(HeadsMissing):
        mask(only("{ k < heads }"), seq=4)
    assert mask(only("{ k < heads }"), seq=4, heads=2).shape == (1, 4, 4)


def test_list_parameters_are_read_by_head() -> None:
    spec = only("causal & window(w[h], 0)", "(w = [0, 2])")
    found = mask(spec, seq=N, heads=2)
    np.testing.assert_array_equal(found[0], Q == K)
    np.testing.assert_array_equal(found[1], (Q - K >= 0) & (Q - K <= 2))
    with pytest.raises(HeadCountMismatch):
        mask(spec, seq=N, heads=3)


def test_inputs() -> None:
    spec = "attention a { input doc: int[token] input n: int mask { doc[q] == doc[k] and k < n } }"
    doc = torch.tensor([0, 0, 1, 1])
    found = mask(spec, seq=4, doc=doc, n=3)
    np.testing.assert_array_equal(found[0], (doc[:, None] == doc).numpy() & (np.arange(4) < 3))
    batched = mask(spec, seq=4, doc=torch.stack([doc, 1 - doc, 0 * doc]), n=4)
    assert batched.shape == (3, 1, 4, 4)
    assert batched[2].all() and torch.equal(batched[0], batched[1])
    with pytest.raises(MissingInput, match="`n`"):
        mask(spec, seq=4, doc=doc)
    with pytest.raises(ShapeMismatch, match="token = 5"):
        mask(spec, seq=5, doc=doc, n=1)


def test_every_axis() -> None:
    spec = """attention a {
        input x: int[b, h, q, k]
        input y: int[hkv, token]
        input z: int[h, d]
        mask { x[b, h, q, k] == y[h, k] + z[h, clamp(q - k, 0, 2)] }
    }"""
    random = np.random.default_rng(0)
    x, y, z = (random.integers(0, 2, s) for s in ((2, 4, 3, 5), (2, 5), (4, 3)))
    found = mask(spec, q_len=3, kv_len=5, heads=4, kv_heads=2, x=x, y=y, z=z)
    assert found.shape == (2, 4, 3, 5)
    for b, h, i, j in np.ndindex(*found.shape):
        wanted = x[b, h, i, j] == y[h // 2, j] + z[h, min(max(i + 2 - j, 0), 2)]
        assert found[b, h, i, j] == wanted


def test_batch_entry() -> None:
    spec = only("{ k <= q + b }")
    found = mask(spec, seq=4, batch=2)
    assert found.shape == (2, 1, 4, 4)
    np.testing.assert_array_equal(found[1, 0], np.tri(4, 4, 1, dtype=bool))
    with pytest.raises(BatchMissing):
        mask(spec, seq=4)


def test_inputs_of_the_score_need_not_be_given() -> None:
    assert mask("score/alibi", seq=3).shape == (1, 3, 3)


@pytest.mark.parametrize(
    ("error", "given"),
    [
        (LengthMissing, {}),
        (LengthMissing, {"q_len": 3}),
        (InvalidValue, {"seq": -1}),
        (InvalidValue, {"seq": 4, "grid": (2, 2)}),
        (AttnError, {"seq": 4, "wdth": 3}),
    ],
)
def test_errors(error: type[AttnError], given: dict[str, object]) -> None:
    with pytest.raises(error):
        mask("line/mistral", **given)
