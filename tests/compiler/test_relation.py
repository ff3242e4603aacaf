import pytest

from attnc.compiler.relation import of_bound, relation
from attnc.compiler.sets import parse
from attnc.dsl.errors import HeadCountMismatch, HeadsMissing
from attnc.dsl.parser import parse_expression
from tests.compiler.specs import bind

DOC = "input doc: int[token]"


def test_the_text_is_a_map():
    pairs = relation(parse_expression("k <= q"))
    assert pairs.text.startswith("[q_start, k_start, q_len, k_len] -> { [q] -> [k] : ")
    assert pairs.test is None
    assert not pairs.uses_head


def test_a_tensor_rounds_up_and_down():
    pairs = of_bound(bind("causal & { doc[q] == doc[k] }", inputs=DOC))
    assert pairs.upper.is_equal(relation(parse_expression("k <= q")).upper)
    assert pairs.lower.is_empty()
    assert pairs.test == pairs.condition


def test_a_negated_tensor_test_rounds_the_same_way():
    pairs = of_bound(bind("window(3) - { doc[q] == doc[k] }", inputs=DOC))
    assert pairs.upper.is_equal(relation(parse_expression("abs(q - k) <= 3")).upper)
    assert pairs.lower.is_empty()


def test_a_tensor_beside_a_decided_part_leaves_that_part():
    pairs = of_bound(bind("sink(4) | { doc[q] == doc[k] }", inputs=DOC))
    assert pairs.lower.is_equal(relation(parse_expression("k < 4")).upper)
    assert pairs.upper.is_equal(pairs.existing)


def test_a_run_time_integer_is_a_parameter():
    pairs = of_bound(bind("{ k < n or k >= q }", inputs="input n: int"))
    assert pairs.runtime == ("n",)
    assert pairs.exact
    assert pairs.upper.fix(n=4).is_equal(relation(parse_expression("k < 4 or k >= q")).upper)


def test_the_batch_is_a_parameter():
    assert relation(parse_expression("k <= q + b")).params[-1] == "b"


def test_heads_are_needed():
    with pytest.raises(HeadsMissing):
        relation(parse_expression("k <= q + h"))
    with pytest.raises(HeadsMissing):
        of_bound(bind("{ k <= q } when h < heads div 2"))
    with pytest.raises(HeadsMissing):
        of_bound(bind("{ k <= q + heads }"))


def test_a_list_has_one_item_per_head():
    spec = bind("{ q - k <= spans[h] }", parameters="(spans = [1, 2, 3])")
    with pytest.raises(HeadCountMismatch):
        of_bound(spec, 4)
    assert of_bound(spec, 3).uses_head


def test_a_list_of_equal_items_needs_no_head():
    spec = bind("{ q - k <= spans[h] }", parameters="(spans = [2, 2])")
    assert not of_bound(spec, 2).uses_head


def test_keys_before_zero_do_not_exist():
    pairs = relation(parse_expression("true"))
    here = pairs.upper.fix(q_start=-3, k_start=-3, q_len=2, k_len=5)
    assert here.is_equal(parse("{ [q, k] : -3 <= q < -1 and 0 <= k < 2 }"))
