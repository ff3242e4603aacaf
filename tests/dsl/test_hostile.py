"""Hostile texts end in a diagnostic, or succeed, within seconds; never in another exception."""

import time

import pytest

from attnc.dsl.diagnostics import AttnError
from attnc.dsl.loader import load
from attnc.dsl.parser import MAX_CHARACTERS, parse_expression

N = 5000
MASK = "attention a {{ mask {} }}\n"


def chain(count: int, body: str) -> str:
    """Masks that each use the one before."""
    lines = [f"mask m{i}(a) = {body.format(i - 1)}\n" for i in range(1, count)]
    return "mask m0(a) = sink(a)\n" + "".join(lines)


TEXTS = {
    "parentheses": MASK.format("(" * N + "causal" + ")" * N),
    "open parentheses": MASK.format("(" * N),
    "complements": MASK.format("~" * N + "causal"),
    "nots": MASK.format("{" + "not " * N + "true}"),
    "minuses": MASK.format("{k < " + "-" * N + "1}"),
    "sums": MASK.format("{k < " + "1+" * N + "1}"),
    "powers": MASK.format("{k < " + "2^" * N + "1}"),
    "a huge power": MASK.format("{k < 9^9^9^9^9}"),
    "a huge product": MASK.format("{k < " + "*".join(["9999999999"] * 20) + "}"),
    "digits": MASK.format("{k < " + "9" * N + "}"),
    "unions": MASK.format("causal | " * N + "causal"),
    "a chain of comparisons": MASK.format("{" + "k < " * 10 * N + "q}"),
    "nested lists": "attention a(w = " + "[" * N + "]" * N + ") { mask window(w[h]) }",
    "arguments": MASK.format("window(" + "1," * N + "1)"),
    "parameters": "attention a(" + ",".join(f"p{i} = 1" for i in range(N)) + ") { mask causal }",
    "nested ranges": MASK.format(
        "{" + "".join(f"exists i{i} in 0..99 : " for i in range(9)) + "true}"
    ),
    "a chain of masks": chain(1000, "m{}(a)") + MASK.format("m999(3)"),
    "doubling": chain(100, "m{0}(a) | m{0}(a + 1)") + MASK.format("m99(3)"),
    "doubled arguments": chain(100, "m{}(a + a)") + MASK.format("m99(3)"),
    "a varying chain": chain(70, "m{}(a)") + "attention a { input n: int mask m69(n) }\n",
    "control characters": "attention a {\0 mask \x1b[31m}",
    "no words": "\u2603" * N + "\n",
    "a long name": MASK.format("x" * N),
    "a long line": MASK.format(" " * N + "@"),
    "a large text": "#" * MAX_CHARACTERS + "\n",
    "full-width letters": MASK.format("\uff57indow(4)"),
    "digits of another script": MASK.format("window(\u0663)"),
    "a lone surrogate": MASK.format("\ud800"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_text(name: str) -> None:
    start = time.monotonic()
    try:
        load(TEXTS[name]).bind()
    except AttnError as error:
        assert len(str(error)) < 20_000
        assert str(error).isprintable() or "\n" in str(error)
        assert "\x1b" not in str(error)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("text", ["", "(", "1 +", "~q", "q k", "not", "-" * N + "1"])
def test_hostile_expression(text: str) -> None:
    with pytest.raises(AttnError):
        parse_expression(text)
