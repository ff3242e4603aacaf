import json

import numpy as np
import pytest

from attnc.compiler.analysis import Lengths, analyze
from attnc.compiler.relation import of_bound
from attnc.compiler.residues import classes
from attnc.dsl.errors import HeadsMissing, MissingInput
from tests.compiler import brute, specs

MILLION = 1 << 20
LONG = {
    "longformer": "window(256) | global(16)",
    "streaming_llm": "causal & (window(1020) | sink(4))",
    "sparse_transformer_strided": "causal & (window(1024) | strided(1024))",
    "sparse_transformer_fixed": "causal & (blocks(128) | { k mod 128 >= 120 })",
    "power_attention": "window(64, 0) | powers(16)",
    "dilated": "causal & dilated(64, 4)",
    "natten": "neighborhood(13)",
    "longlora": "(blocks(2048) when h < 16) | (shifted_blocks(2048) when h >= heads div 2)",
}


@pytest.mark.parametrize("name", [*LONG])
def test_a_million_tokens(name):
    bound = specs.bind(LONG[name])
    found = analyze(bound, Lengths.of(MILLION, None, None), heads=32)
    assert found.useful <= found.visited
    assert found.tiles.empty + found.tiles.partial + found.tiles.full == found.heads * (
        -(-MILLION // 48) * (MILLION // 8)
    )


def test_closed_forms_at_a_million():
    found = analyze(specs.bind("causal"), Lengths.of(MILLION, None, None))
    assert found.useful == MILLION * (MILLION + 1) // 2
    window = analyze(specs.bind("causal & window(1023)"), Lengths.of(MILLION, None, None))
    assert window.useful == 1024 * MILLION - 1023 * 1024 // 2
    assert window.cache_bound == 1024


@pytest.mark.parametrize("name", [*specs.MASKS])
def test_density_is_that_of_brute_force(name):
    if name == "lists":
        bound = specs.bind("causal & { q - k <= spans[h] }", parameters="(spans = [5, 9, 40])")
    else:
        bound = specs.bind(specs.MASKS[name])
    pairs = specs.relation(name)
    heads = specs.HEADS if pairs.uses_head else 1
    for q_len, kv_len in ((90, 90), (20, 75), (1, 50)):
        found = analyze(bound, Lengths.of(None, q_len, kv_len), heads=specs.HEADS)
        n = brute.Lengths(kv_len - q_len, 0, q_len, kv_len)
        expected = brute.grid(pairs.condition, n, heads)
        assert found.useful == expected.sum()
        assert found.density == expected.sum() / (heads * q_len * kv_len)


def test_it_is_plain_data():
    bound = specs.bind("causal & window(3)", asserts="assert causal assert covers")
    found = analyze(bound, Lengths.of(64, None, None)).to_dict()
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(found))
    assert [(p["assertion"], p["verdict"]) for p in found["proofs"]] == [
        ("causal", "proved"),
        ("covers", "proved"),
    ]
    assert found["flops"] == 4 * 64 * found["visited"]
    assert set(found["tiles"]) == {"empty", "partial", "full"}


def test_tensors_leave_the_density_open():
    bound = specs.bind("causal & { doc[q] == doc[k] }", inputs="input doc: int[token]")
    found = analyze(bound, Lengths.of(64, None, None))
    assert (found.useful, found.density) == (None, None)
    assert found.at_most == 64 * 65 // 2
    assert found.tiles.full == 0
    assert found.notes


def test_run_time_integers_are_asked_for():
    bound = specs.bind("{ k < n }", inputs="input n: int")
    with pytest.raises(MissingInput):
        analyze(bound, Lengths.of(64, None, None))
    assert analyze(bound, Lengths.of(64, None, None), numbers={"n": 5}).useful == 5 * 64


def test_heads_are_asked_for():
    with pytest.raises(HeadsMissing):
        analyze(specs.bind("causal when h < 2"), Lengths.of(64, None, None))


def test_lengths_are_asked_for():
    with pytest.raises(MissingInput):
        Lengths.of(None, 3, None)


def test_cross_starts_at_zero():
    lengths = Lengths.of(None, 5, 9, cross=True)
    assert lengths.q_start == 0


@pytest.mark.parametrize("name", ["window", "longformer", "powers", "fixed", "prefix", "longlora"])
def test_the_receptive_field_is_that_of_matrix_products(name):
    pairs = specs.relation(name)
    step = brute.grid(pairs.condition, brute.Lengths(0, 0, 90, 90), specs.HEADS).any(0)
    step |= np.eye(90, dtype=bool)
    reached, expected = step[-1], []
    while len(expected) < 8 and (not expected or reached.sum() > expected[-1]):
        expected.append(int(reached.sum()))
        reached = reached @ step
    found = analyze(specs.bind(specs.MASKS[name]), Lengths.of(90, None, None), heads=specs.HEADS)
    assert list(found.receptive_field) == expected


def test_facts_that_follow_from_the_counts():
    bound = specs.bind("causal & (window(99) | sink(4))")
    found = analyze(bound, Lengths.of(4096, None, None))
    assert found.full_share == found.tiles.full / (found.tiles.full + found.tiles.partial)
    assert found.intensity == found.flops / found.bytes
    assert (found.cache_bound, found.cache_rule) == (104, "keeps the first 4 keys and the last 100")
    assert "p" in found.cache_keys and "k" in found.cache_keys


def test_other_tiles_and_classes_are_counted_too():
    bound = specs.bind("causal & dilated(4, 3)")
    whole = of_bound(bound, None, None)
    found = analyze(
        bound, Lengths.of(100, None, None), tile=(16, 8), classes=classes(whole), heights=(16, 32)
    )
    assert {(one.queries, one.steps) for one in found.choices} == {
        ((rows,), (step,)) for rows in (16, 32) for step in (1, 3)
    }
    chosen, *others = found.choices
    assert chosen.chosen and chosen.visited == found.visited and chosen.steps == (3,)
    for one in others:
        tile = (*one.queries, *one.keys)
        alone = analyze(
            bound,
            Lengths.of(100, None, None),
            tile=tile,
            classes=classes(whole) if one.steps == (3,) else None,
        )
        assert one.visited == alone.visited and not one.chosen
        assert one.speedup == 100 * 100 / one.visited and one.waste == one.visited / found.useful
