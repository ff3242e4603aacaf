import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from attnc.compiler.proofs import Counterexample, cache_bound, causal, covers, equal, prove
from attnc.compiler.relation import Relation, of_bound, relation
from attnc.dsl.parser import parse_assertion, parse_expression
from tests.compiler import formulas, specs
from tests.compiler.brute import Lengths, grid

DOC = "input doc: int[token]"
LIMIT = 9  # keys, for the search by brute force


def of(formula: str, heads: int | None = None) -> Relation:
    return relation(parse_expression(formula), heads)


def squares_and_chunks():
    """All default alignments up to LIMIT, in the order of counterexamples."""
    for n in range(1, LIMIT + 1):
        for q_start in range(n):
            yield Lengths(q_start, 0, n - q_start, n)


def least(pairs: Relation, failures) -> Counterexample | None:
    heads = formulas.HEADS if pairs.uses_head else 1
    for n in squares_and_chunks():
        found = failures(grid(pairs.condition, n, heads), n)
        if len(found):
            h, row, *key = (int(v) for v in found[0])
            head = h if pairs.uses_head else None
            return Counterexample(n.k_len, n.q_len, n.q_start + row, *(key or [None]), head)
    return None


def after(pairs, n):
    later = np.arange(n.k_len)[None, :] > (n.q_start + np.arange(n.q_len))[:, None]
    return np.argwhere(pairs & later)


def empty_rows(pairs, n):
    return np.argwhere(~pairs.any(axis=2))


@pytest.mark.parametrize(("assertion", "failures"), [(causal, after), (covers, empty_rows)])
def test_against_a_search(assertion, failures):
    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(formulas.conditions(1))
    def check(condition):
        pairs = relation(condition, formulas.HEADS)
        proof = assertion(pairs)
        found = least(pairs, failures)
        match proof.verdict:
            case "proved":
                assert found is None
            case "refuted" if proof.counterexample.n <= LIMIT:
                assert proof.counterexample == found
            case _:
                assert found is None

    check()


@pytest.mark.parametrize(
    ("name", "is_causal", "is_covered"),
    [
        ("causal", "proved", "proved"),
        ("window", "proved", "proved"),
        ("streaming", "proved", "proved"),
        ("longformer", "refuted", "proved"),
        ("dilated", "refuted", "proved"),
        ("neighborhood", "refuted", "proved"),
        ("blocks", "refuted", "proved"),
        ("strided", "proved", "proved"),
        ("powers", "proved", "proved"),
        ("lists", "proved", "proved"),
        ("modular", "refuted", "proved"),
    ],
)
def test_known_patterns(name, is_causal, is_covered):
    pairs = specs.relation(name)
    assert causal(pairs).verdict == is_causal
    assert covers(pairs).verdict == is_covered


def test_a_counterexample_is_the_least():
    found = covers(of("k <= q - 3")).counterexample
    assert found == Counterexample(n=1, q_len=1, q=0)
    assert causal(of("k <= q + 1")).counterexample == Counterexample(2, 2, 0, 1)
    late = covers(of("k < 10 and q < 50")).counterexample
    assert (late.n, late.q) == (51, 50)


def test_the_head_that_fails_is_named():
    found = causal(of("k <= q + h", 4)).counterexample
    assert (found.n, found.h, found.q, found.k) == (2, 1, 0, 1)


def test_tensors_can_leave_it_open():
    pairs = of_bound(specs.bind("{ doc[q] == doc[k] }", inputs=DOC))
    assert causal(pairs).verdict == "unknown"
    assert "input" in causal(pairs).reason


def test_tensors_need_not_matter():
    packed = of_bound(specs.bind("causal & { doc[q] == doc[k] }", inputs=DOC))
    assert causal(packed).verdict == "proved"
    assert covers(packed).verdict == "proved"  # each query sees itself
    other = of_bound(specs.bind("causal & { doc[q] != doc[k] }", inputs=DOC))
    assert covers(other).verdict == "unknown"
    never = of_bound(specs.bind("{ k > q } & { doc[q] == doc[k] }", inputs=DOC))
    assert covers(never).verdict == "refuted"


def test_a_float_input_may_be_nan_and_proves_nothing():
    pairs = of_bound(specs.bind("causal & { x[q] == x[k] }", inputs="input x: float[token]"))
    assert covers(pairs).verdict == "unknown"


def test_cross_has_its_own_lengths():
    assert covers(of("k <= q")).verdict == "proved"
    assert covers(of("k <= q"), cross=True).verdict == "proved"
    found = covers(of("k == q"), cross=True)
    assert found.verdict == "refuted"
    assert found.counterexample == Counterexample(n=1, q_len=2, q=1)


def test_an_assertion_by_name():
    assert prove(parse_assertion("assert causal"), of("k <= q")).verdict == "proved"
    assert prove(parse_assertion("assert later"), of("k <= q")).verdict == "unknown"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("abs(q - k) <= 3", "-3 <= q - k and q - k < 4"),
        ("q div 8 == k div 8", "k >= q - q mod 8 and k < q - q mod 8 + 8"),
        ("not (k > q)", "k <= q"),
        ("max(q, k) < 9", "q < 9 and k < 9"),
        ("k <= q + 0 * h", "k <= q"),
        ("exists i in 0..500 : q - k == 2 * i", "(q - k) mod 2 == 0 and 0 <= q - k < 1000"),
    ],
)
def test_equal_for_every_length(a, b):
    assert equal(of(a, 2), of(b, 2)).verdict == "proved"


def test_unequal_with_the_least_length():
    found = equal(of("k <= q and q - k < 100"), of("k <= q"))
    assert found.verdict == "refuted"
    assert (found.counterexample.n, found.counterexample.q, found.counterexample.k) == (101, 100, 0)


def test_equality_with_tensors():
    a, b = of_bound(specs.bind("causal & { doc[q] == doc[k] }", inputs=DOC)), of("k <= q")
    assert equal(a, a).verdict == "proved"
    assert equal(a, b).verdict == "unknown"
    assert equal(a, of("k > q")).verdict == "refuted"  # whatever `doc` holds
    assert equal(of("k > q"), of("k <= q")).verdict == "refuted"


@pytest.mark.parametrize(
    ("formula", "bound"),
    [
        ("k <= q and q - k < 32", 32),
        ("k <= q and (q - k < 32 or k < 4)", 36),
        ("k <= q and q div 16 == k div 16", 16),
        ("k <= q and q - k <= 24 and (q - k) mod 4 == 0", 25),
        ("k == q", 1),
        ("k < 4 and k <= q", 4),
        ("k <= q", None),
        ("k <= q and (q - k) mod 8 == 0", None),
        ("k <= q and k mod 8 == 7", None),
        ("abs(q - k) < 3", None),
    ],
)
def test_cache_bound(formula, bound):
    assert cache_bound(of(formula)) == bound
    if bound is not None:
        assert kept(formula) == bound


def kept(formula: str, positions: int = 120) -> int:
    """The largest number of keys that a decoder still needs at some position, by brute force."""
    seen = np.zeros((positions, positions), bool)
    for q in range(positions):
        now = Lengths(q_start=q, k_start=0, q_len=1, k_len=q + 1)
        seen[q, : q + 1] = grid(parse_expression(formula), now)[0, 0]
    later = np.logical_or.accumulate(seen[::-1])[::-1]
    return max(int(later[p, : p + 1].sum()) for p in range(positions // 2))
