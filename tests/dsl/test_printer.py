"""Printing and parsing again gives an equal tree; formatting keeps trees and comments."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from attnc.dsl.format_file import format_file
from attnc.dsl.parser import parse, parse_expression
from attnc.dsl.printer import format_source, print_expression
from attnc.dsl.source import Source
from tests.dsl.trees import EXPRESSIONS, FILES

STD = Path(__file__).parents[2] / "dsl" / "std.attn"


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_expressions_survive(expr):
    assert parse_expression(print_expression(expr)) == expr


@settings(max_examples=60, deadline=None)
@given(FILES)
def test_files_survive(file):
    text = format_file(file)
    assert parse(Source("f", text)) == file
    assert format_source(Source("f", text)) == text


@settings(max_examples=60, deadline=None)
@given(FILES, st.randoms(use_true_random=False))
def test_comments_survive(file, random):
    words = re.findall(r'"[^"]*"|\S+', format_file(file))
    filler = [" ", " ", "\n", "\n\n", " # note\n", "\n# line\n", "\n\n\n  #\n"]
    text = "".join(word + random.choice(filler) for word in words)
    once = format_source(Source("f", text))
    assert parse(Source("f", once)) == file
    assert format_source(Source("f", once)) == once
    assert _comments(once) == _comments(text)


def _comments(text):
    return sorted(found for found in re.findall(r'"[^"\n]*"|#.*', text) if found[0] == "#")


def test_the_prelude_is_canonical():
    text = STD.read_text(encoding="utf-8")
    assert format_source(Source("std.attn", text)) == text


FORMATTED = """\
# The paper.
attn 1  # version
use std

# Near.
mask near(w) = window(w, 0)  # back only
# hidden
mask far = { q < k and k < 3 }

route picked(n = 16) {
    keys blocks(64)  # units
    choose top(n)
    within any causal
}

attention x(w: int = 4, t = 0.001, ws = [1, -2]) {  # head
    # first

    input doc: int[token] grad

    mask near(w)
    assert covers  # both
    score s - -2^-3 * (q - (k - 1))
    # last
}  # end
# eof
"""


def test_layout():
    messy = """\
# The paper.
attn   1 # version
use std
# Near.
mask near(w)=window( w,0 ) # back only
mask far = { q<k # hidden
   and k<3 }
route picked(n = 16) {
    keys    blocks(64)   # units
    choose  top(n) within any causal }
attention x(w:int=4,t=1e-3,ws=[1,-2]) { # head
  # first

  input doc:int[token] grad


  mask near(w) assert covers # both
  score s - -2^-3*(q-(k-1))
  # last
} # end
# eof
"""
    wanted = FORMATTED
    assert format_source(Source("f", messy)) == wanted
    assert format_source(Source("f", wanted)) == wanted


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends(end):
    text = FORMATTED.replace("\n", end)
    assert format_source(Source("f", text)) == FORMATTED


def test_long_masks_are_broken():
    names = " | ".join(f"window({i}00000, {i}00000)" for i in range(1, 8))
    text = format_source(Source("f", f"mask m = {names}"))
    assert max(map(len, text.splitlines())) <= 100
    assert parse(Source("f", text)) == parse(Source("f", f"mask m = {names}"))
