"""What the grammar reads: precedence, spans, and constructs that are only named."""

import pytest

from attnc.dsl import syntax as ast
from attnc.dsl.diagnostics import DiagnosticsError
from attnc.dsl.errors import WhenNeedsParentheses
from attnc.dsl.parser import parse, parse_expression
from attnc.dsl.print_nodes import print_expression, print_set
from attnc.dsl.source import Source


def sets(text: str) -> ast.SetExpr:
    definition = parse(Source("t", f"mask m = {text}")).definitions[0]
    assert isinstance(definition, ast.MaskDefinition)
    return definition.body


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("~a & b", "(~a) & b"),
        ("a | b & c", "a | (b & c)"),
        ("a - b & c", "a - (b & c)"),
        ("a | b - c", "a | (b - c)"),
        ("a - b - c", "(a - b) - c"),
        ("a | b when h < 2", "(a | b) when h < 2"),
        ("a when h < 2 when k < 3", "(a when h < 2) when k < 3"),
        ("a\n | b", "a | b"),
        ("a |\n b", "a | b"),
    ],
)
def test_precedence_of_sets(text: str, grouped: str) -> None:
    assert sets(text) == sets(grouped)


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("-2^2", "-(2^2)"),
        ("2^3^2", "2^(3^2)"),
        ("2^-1", "2^(-1)"),
        ("a - b - c", "(a - b) - c"),
        ("a + b * c mod d", "a + ((b * c) mod d)"),
        ("a div b * c", "(a div b) * c"),
        ("not a < b and c < d or e < f", "((not (a < b)) and (c < d)) or (e < f)"),
        ("exists i in 0..4 : a == i or b == i", "exists i in 0..4 : (a == i or b == i)"),
        ("a < b and exists i in 0..4 : i < a and i < b",
         "a < b and (exists i in 0..4 : (i < a and i < b))"),
    ],
)  # fmt: skip
def test_precedence_of_expressions(text: str, grouped: str) -> None:
    assert parse_expression(text) == parse_expression(grouped)


def test_a_chain_is_one_comparison() -> None:
    expr = parse_expression("-l <= k - q <= r")
    assert isinstance(expr, ast.Compare)
    assert expr.ops == ("<=", "<=") and len(expr.operands) == 3


def test_numbers() -> None:
    assert parse_expression("1e-3") == ast.Float(0.001)
    assert parse_expression("9223372036854775807") == ast.Int(2**63 - 1)
    exists = parse_expression("exists i in 0..32 : q == i")
    assert isinstance(exists, ast.Exists) and exists.high == ast.Int(32)


def test_spans() -> None:
    text = "mask m = causal\n    | window(4,\n 5)"
    body = sets(text.removeprefix("mask m = "))
    assert isinstance(body, ast.SetBinary)
    span = body.right.span
    assert (span.line, span.column, span.end_line, span.end_column) == (2, 7, 3, 4)
    assert str(span) == "t:2:7"
    assert body.span.line == 1 and body.span.end_line == 3


def test_statements_on_one_line() -> None:
    file = parse(Source("t", "attention a { mask causal  assert covers assert causal cross }"))
    (attention,) = file.definitions
    assert isinstance(attention, ast.Attention)
    kinds = [type(statement).__name__ for statement in attention.body]
    assert kinds == ["MaskStatement", "AssertStatement", "AssertStatement", "CrossStatement"]


@pytest.mark.parametrize("word", ["keys", "layer", "top", "grad", "any", "before", "maskx", "in1"])
def test_other_words_are_names(word: str) -> None:
    assert parse_expression(word) == ast.Name(word)


@pytest.mark.parametrize("word", ["mask", "when", "exists", "div", "branch", "cross"])
def test_keywords_are_no_names(word: str) -> None:
    with pytest.raises(DiagnosticsError):
        parse_expression(f"{word} + 1")


def test_membership_binds_like_a_comparison() -> None:
    text = "k div 64 in picked[h, q div 64] and not (q - k in diagonals[h] or q in rows)"
    assert print_expression(parse_expression(text)) == text


def test_statements_that_are_not_built() -> None:
    statement = "normalize sigmoid(bias)"
    file = parse(Source("t", f"attention a {{ mask causal\n {statement}\n assert causal }}"))
    (attention,) = file.definitions
    assert isinstance(attention, ast.Attention)
    assert isinstance(attention.body[1], ast.NotBuilt) and len(attention.body) == 3


def test_an_operand_with_when_is_refused() -> None:
    text = "a when h < 2 | b when h >= 2"
    with pytest.raises(DiagnosticsError) as caught:
        sets(text)
    assert {type(mistake) for mistake in caught.value.diagnostics} == {WhenNeedsParentheses}
    good = "(a when h < 2) | (b when h >= 2)"
    assert print_set(sets(good)) == good


def test_few_parentheses_are_printed() -> None:
    text = "(q + g div 2) div g == (k + g div 2) div g and not (q < k or k < -2)"
    assert print_expression(parse_expression(text)) == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("attention a { masc causal }", "did you mean `mask`?"),
        ("attention a { mask q <= k }", "in braces"),
        ("attention a { mask { q = k } }", "`==`"),
        ("attention a { mask { q < k | q < 3 } }", "`and` and `or`"),
        ("attention a { mask causal && full }", "one character"),
        ("attention a(mask = 3) { mask causal }", "cannot be a name"),
    ],
)
def test_hints(text: str, hint: str) -> None:
    with pytest.raises(DiagnosticsError) as caught:
        parse(Source("t", text))
    assert hint in str(caught.value).splitlines()[-1]
