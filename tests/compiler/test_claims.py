"""Assertions of every kind, those that hold and those that fail, and random ones by brute force."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import attnc
from attnc.compiler.proofs import density, equal, heads_cover, proofs_of, reaches, retention
from attnc.compiler.proofs.search import bits, matrix, sums
from attnc.compiler.relation import of_bound, relation
from attnc.compiler.sets import parse
from attnc.dsl.errors import AssertionRefuted
from tests.compiler import formulas, specs
from tests.compiler.brute import Lengths, grid

SHARDS = "{ k div 4 mod heads == h }"
EXAMPLES = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)

HOLD = [
    ("causal", "causal"),
    ("causal & neighborhood(5)", "causal"),
    ("window(3, 0) - same", "causal"),
    ("dilated(4, 3)", "covers"),
    ("~same | causal", "covers"),
    ("neighborhood(7) | sink(1)", "covers"),
    ("causal & (sink(4) | window(15, 0))", "bounded_cache"),
    ("block_causal(16) & blocks(16) & causal", "bounded_cache"),
    ("causal & dilated(8, 4)", "bounded_cache"),
    ("causal & sink(3)", "bounded_cache"),
    ("causal & (window(3) | { k < 100 and k mod 7 == 0 })", "bounded_cache"),
    ("causal & { k mod 100 == q mod 100 and q - k < 300 }", "bounded_cache"),
    ("causal", "density(100) == 0.505"),
    ("causal & window(7)", "density(65536) < 0.0002"),
    ("full", "density(4096) >= 1"),
    ("same", "density(1000) <= 0.001"),
    ("blocks(64)", "density(65536) != 0.001"),
    ("causal when h < 2", "density(100) < 0.26"),
    (f"causal & {SHARDS}", "heads_cover"),
    ("full", "heads_cover"),
    ("(causal when h == 0) | (same when h > 0)", "heads_cover"),
    ("({ k > q } when h == 3) | (causal when h < 3)", "heads_cover"),
    ("causal & (window(8, 0) | strided(8))", "reaches(2)"),
    ("causal & (blocks(8) | { k mod 8 == 7 })", "reaches(2)"),
    ("window(3) | global(1)", "reaches(2)"),
    (f"causal & ({SHARDS} | same)", "reaches(1)"),
    ("causal & powers(1)", "reaches(14, 16384)"),
    ("window(10)", "reaches(10, 101)"),
    ("causal & window(9)", "same_as { 0 <= q - k < 10 }"),
    ("strided(2)", "same_as { q mod 2 == k mod 2 }"),
    ("~causal", "same_as full - { k <= q }"),
]  # fmt: skip

FAIL = [
    ("window(1)", "causal", (2, 0, 1)),
    ("prefix(3) | causal", "causal", (2, 0, 1)),
    ("blocks(5)", "causal", (2, 0, 1)),
    ("causal - same", "covers", (1, 0, None)),
    ("causal & { q < 50 }", "covers", (51, 50, None)),
    ("causal & { k mod 4 == 1 }", "covers", (1, 0, None)),
    ("causal", "bounded_cache", None),
    ("causal & strided(64)", "bounded_cache", None),
    ("causal & { k >= q div 2 }", "bounded_cache", None),
    ("causal & powers(1)", "bounded_cache", None),
    ("window(4)", "bounded_cache", (2, 0, 1)),
    ("causal & { k mod 2 == 0 or q - k < 3 }", "bounded_cache", None),
    ("causal", "density(100) < 0.505", None),
    ("causal & window(7)", "density(64) < 0.0002", None),
    ("full", "density(7) != 1", None),
    ("same", "density(1000) > 0.001", None),
    ("blocks(64)", "density(65536) == 0.001", None),
    ("causal when h < 2", "density(100) > 0.26", None),
    (f"causal & {SHARDS} & window(8)", "heads_cover", (10, 9, 0)),
    ("causal & { k div 4 mod (heads + 1) == h }", "heads_cover", (17, 16, 16)),
    ("window(3) | sink(1)", "heads_cover", (5, 0, 4)),
    ("causal & ~same", "heads_cover", (1, 0, 0)),
    ("causal & (window(8, 0) | strided(8))", "reaches(1)", (10, 9, 0)),
    ("causal & window(3)", "reaches(5)", (17, 16, 0)),
    ("blocks(4)", "reaches(9)", (5, 0, 4)),
    ("strided(2)", "reaches(30)", (2, 0, 1)),
    ("causal & powers(1)", "reaches(13, 16384)", (16384, 16383, 0)),
    ("window(10)", "reaches(9, 101)", (101, 0, 91)),
    ("causal & window(9)", "same_as { 0 <= q - k < 11 }", (11, 10, 0)),
    ("strided(2) & causal", "same_as causal", (2, 1, 0)),
    ("causal & window(1000)", "same_as causal", (1002, 1001, 0)),
]  # fmt: skip


def proof_of(mask, claim):
    (found,) = proofs_of(specs.bind(mask, asserts=f"assert {claim}"), 4, 2)
    assert found.assertion == claim
    return found


@pytest.mark.parametrize(("mask", "claim"), HOLD)
def test_holds(mask, claim):
    assert proof_of(mask, claim).verdict == "proved"


@pytest.mark.parametrize(("mask", "claim", "where"), FAIL)
def test_fails(mask, claim, where):
    found = proof_of(mask, claim)
    assert found.verdict == "refuted"
    at = found.counterexample
    assert (at and (at.n, at.q, at.k)) == where
    assert at or found.reason


def test_enough_of_them():
    assert min(len(HOLD), len(FAIL)) >= 30


def square(pairs, n):
    heads = formulas.HEADS if pairs.uses_head else 1
    return grid(pairs.condition, Lengths(0, 0, n, n), heads)


def hull(pairs, n):
    ordered = not any(np.triu(square(pairs, m), 1).any() for m in range(1, 14))
    return np.tri(n, dtype=bool) if ordered else np.ones((n, n), bool)


@EXAMPLES
@given(formulas.conditions(1), st.integers(0, 3))
def test_reaches_is_that_of_matrix_products(condition, layers):
    pairs = relation(condition, formulas.HEADS)

    def missed(n):
        step = (square(pairs, n).any(0) | np.eye(n, dtype=bool)).astype(int)
        return (np.linalg.matrix_power(step, layers) == 0) & hull(pairs, n)

    for n in (4, 9):
        assert reaches([(pairs, layers)], n).verdict == ("refuted" if missed(n).any() else "proved")
    found = reaches([(pairs, layers)])
    failing = [n for n in range(1, 10) if missed(n).any()]
    match found.verdict:
        case "proved":
            assert not failing
        case "refuted" if found.counterexample.n < 10:
            at = found.counterexample
            assert (at.n, *np.argwhere(missed(at.n))[0]) == (failing[0], at.q, at.k)


@EXAMPLES
@given(formulas.conditions(1))
def test_heads_cover_and_density_are_those_of_brute_force(condition):
    pairs = relation(condition, formulas.HEADS)
    found = heads_cover(pairs)
    missed = [n for n in range(1, 10) if (hull(pairs, n) & ~square(pairs, n).any(0)).any()]
    assert found.verdict != "unknown"
    if found.verdict == "proved" or found.counterexample.q_len > 9:
        assert not missed
    share = float(square(pairs, 8).mean())  # an eighth of eighths and thirds: exact or far
    assert density(pairs, 8, "<=", share + 1e-9).verdict == "proved"
    assert density(pairs, 8, "<", share - 1e-9).verdict == "refuted"


@EXAMPLES
@given(formulas.conditions(1), formulas.conditions(1))
def test_equality_is_that_of_brute_force(first, second):
    a, b = (relation(c, formulas.HEADS) for c in (first, second))
    found = equal(a, b)
    same = all(
        (grid(first, n, formulas.HEADS) == grid(second, n, formulas.HEADS)).all()
        for n in (Lengths(m, 0, 7 - m, 7) for m in range(7))
    )
    assert same if found.verdict == "proved" else found.verdict == "refuted"


@pytest.mark.parametrize(
    ("mask", "rule"),
    [
        ("causal & (sink(4) | window(1023, 0))", "keeps the first 4 keys and the last 1,024"),
        ("causal & window(1023)", "keeps the last 1,024"),
        ("same", "keeps the last"),
        ("causal & sink(1)", "keeps the first key"),
        ("causal & { k < 9 and k mod 3 == 2 }", "keeps 3 of the first 9 keys"),
        ("causal", "grows: 1,024 keys at position 1,023, 16,384 at 16,383"),
        ("window(4)", "keeps every key: the pattern is not causal"),
    ],
)
def test_the_rule_of_a_cache(mask, rule):
    assert retention(of_bound(specs.bind(mask))).rule == rule


def test_tensors_leave_it_open_or_do_not_matter():
    doc = "input doc: int[token]"
    same = "{ doc[q] == doc[k] }"

    def verdicts(mask, *claims):
        text = " ".join(f"assert {claim}" for claim in claims)
        return [p.verdict for p in proofs_of(specs.bind(mask, inputs=doc, asserts=text), 4, 2)]

    packed = f"causal & {same}"
    assert verdicts(packed, "bounded_cache", "reaches(9)", "heads_cover") == ["unknown"] * 3
    assert verdicts(f"{packed} & window(7)", "bounded_cache", "reaches(3)") == ["proved", "refuted"]
    assert verdicts(f"causal | {same}", "reaches(1)", "heads_cover") == ["unknown"] * 2
    assert verdicts(packed, "density(64) < 0.6", "density(64) > 0.6") == ["proved", "refuted"]
    assert verdicts(packed, "density(64) < 0.3", "density(64) != 0.9") == ["unknown", "proved"]


def test_run_time_numbers_are_no_constants():
    for mask in ("{ k == n and k <= q }", "causal & { q - k < n }"):
        bound = specs.bind(mask, inputs="input n: int", asserts="assert bounded_cache")
        assert [p.verdict for p in proofs_of(bound, None, None)] == ["unknown"]


def test_cross_and_nonsense_are_unknown():
    crossed = specs.bind("full", asserts="cross assert reaches(2) assert bounded_cache")
    assert {p.verdict for p in proofs_of(crossed, None, None)} == {"unknown"}
    for claim in ("density(0) < 1", "reaches(1, 0)", "reaches(-1)", "reaches(1, 2^40)"):
        found = proof_of("causal", claim)
        assert found.verdict == "unknown" and found.reason


def test_compiling_refuses_what_is_refuted_and_says_why():
    for claim, said in (
        ("density(100) < 0.1", "does not hold; the density is 0.505"),
        ("bounded_cache", "does not hold; grows: 1,024 keys"),
        ("same_as full", "does not hold: at N = 2, q = 0, k = 1"),
    ):
        with pytest.raises(AssertionRefuted, match=re.escape(said)):
            attnc.compile(f"attention a {{ mask causal assert {claim} }}")


@given(st.sets(st.integers(0, 40)), st.integers(0, 4))
def test_sums_of_distances(allowed, count):
    reached = {0}
    for _ in range(count):
        reached |= {a + d for a in reached for d in allowed if a + d < 64}
    found = sums(1, sum(1 << d for d in allowed), count, 64)
    assert found == sum(1 << d for d in reached)


def test_sets_as_bits_and_matrices():
    found = bits(parse("{ [d] : 3 <= d < 9 or (d mod 5 = 1 and 20 <= d < 40) }"))
    assert found == sum(1 << d for d in (*range(3, 9), 21, 26, 31, 36))
    pairs = parse("{ [q, k] : 0 <= k <= q < 9 and (q - k) mod 3 = 0 }")
    expected = [[k <= q and (q - k) % 3 == 0 for k in range(9)] for q in range(9)]
    assert (matrix(pairs, 9) == np.array(expected)).all()
