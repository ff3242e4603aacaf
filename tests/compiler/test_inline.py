import pytest

from attnc.compiler import fold
from attnc.compiler.inline import mask_condition, score_expression
from attnc.dsl import syntax as ast
from attnc.dsl.loader import load
from attnc.dsl.parser import parse_expression
from attnc.dsl.printer import print_expr
from tests.compiler.specs import bind


def condition(mask: str, heads: int | None = None, **more: str) -> ast.Expr:
    return mask_condition(bind(mask, **more), heads, heads)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("causal", "k <= q"),
        ("window(3)", "-3 <= k - q <= 3"),
        ("window(3, 0)", "-3 <= k - q <= 0"),
        ("window(l = 3, r = 1)", "-3 <= k - q <= 1"),
        ("sink(4) & causal", "k < 4 and k <= q"),
        ("causal - sink(4)", "k <= q and k >= 4"),
        ("~causal", "k > q"),
        ("causal when q < 5", "q < 5 and k <= q"),
        ("full & causal", "k <= q"),
        ("full", "true"),
        ("shifted_blocks(5)", "(q + 2) div 5 == (k + 2) div 5"),
    ],
)
def test_inlining(mask, expected):
    assert print_expr(condition(mask)) == expected


def bind_score(score: str):
    return load(f"attn 1\nattention a(c = 50) {{ mask full score {score} }}").bind()


def test_parameters_reach_the_score():
    assert score_expression(bind_score("softcap(s, c * 2)"), None, None) == parse_expression(
        "softcap(s, 100)"
    )


def test_powers_are_written_out():
    written = condition("{ exists i in 0..3 : 2^i == q - k }")
    assert print_expr(written) == "1 == q - k or 2 == q - k or 4 == q - k"


def test_a_wide_affine_exists_is_kept():
    assert isinstance(condition("{ exists i in 0..1000 : k == 3 * i }"), ast.Exists)


def test_heads_fold():
    assert print_expr(condition("causal when h < heads div 2", 8)) == "h < 4 and k <= q"


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ("{ q - k <= ds[h] * 2 }", "q - k <= at([2, 2, 4, 1], h) * 2"),
        ("{ k mod ds[h] == 1 }", "0 <= h <= 1 and k mod 2 == 1 or 2 <= h <= 2 and k mod 4 == 1"),
        (
            "dilated(3, ds[h])",
            "abs(q - k) <= 3 * at([2, 2, 4, 1], h) and (0 <= h <= 1 and (q - k) mod 2 == 0 or "
            "2 <= h <= 2 and (q - k) mod 4 == 0 or 3 <= h <= 3)",
        ),
    ],
)
def test_items_of_heads_that_divide_are_written_out(pairs, expected):
    spec = load(f"attention a(ds: list = [2, 2, 4, 1]) {{ mask {pairs} }}")
    assert print_expr(mask_condition(spec.bind(), 4, 4)) == expected


def test_on_diagonal_decides_equality_of_an_input_with_itself():
    found = fold.on_diagonal(parse_expression("k <= q and doc[q] == doc[k]"))
    assert found == parse_expression("q <= q")
