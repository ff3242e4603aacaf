"""From text to syntax tree: the LALR parser, its limits, and its mistakes in human words."""

from functools import cache, lru_cache
from importlib import resources
from typing import Any, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from attnc.dsl import syntax as ast
from attnc.dsl.build import Branch, Builder
from attnc.dsl.build_file import build_assertion, build_file
from attnc.dsl.diagnostics import Diagnostic, DiagnosticsError
from attnc.dsl.expected import advice, expected_words
from attnc.dsl.mistakes import syntax as mistakes
from attnc.dsl.mistakes.files import FileTooLarge
from attnc.dsl.source import Source, Span

MAX_CHARACTERS = 128 * 1024
MAX_DEPTH = 80  # levels of a file
MAX_EXPRESSION_DEPTH = 200  # of one expression: the formula of a whole mask, written out
EXPRESSION_NAME = "<expression>"


def parse(source: Source) -> ast.File:
    """The tree of a source text.

    Raises `DiagnosticsError` where the text is too large, is no text of the language, or uses an
    expression that this version does not build.
    """
    builder = Builder(source)
    file = build_file(_tree(source, "file", MAX_DEPTH), builder)
    if builder.mistakes:
        raise DiagnosticsError(builder.mistakes)
    return file


@lru_cache(maxsize=256)
def parse_expression(text: str) -> ast.Expr:
    """The tree of one scalar expression. Passes read the same few again and again.

    >>> parse_expression("q - k")
    Binary(op='-', left=Name(id='q'), right=Name(id='k'))
    """
    builder = Builder(Source(EXPRESSION_NAME, text))
    tree = _tree(builder.source, "expression_only", MAX_EXPRESSION_DEPTH)
    expression = builder.expression(cast(Any, tree.children[0]))
    if builder.mistakes:
        raise DiagnosticsError(builder.mistakes)
    return expression


def parse_assertion(text: str) -> ast.AssertStatement:
    """The tree of one assertion.

    >>> parse_assertion("assert covers").kind
    'covers'
    """
    builder = Builder(Source(EXPRESSION_NAME, text))
    tree = _tree(builder.source, "assertion_only", MAX_EXPRESSION_DEPTH)
    statement = build_assertion(cast(Any, tree.children[0]), builder, builder.span(tree))
    if builder.mistakes:
        raise DiagnosticsError(builder.mistakes)
    return statement


@cache
def _lark() -> Lark:
    grammar = resources.files("attnc.dsl").joinpath("grammar.lark").read_text("utf-8")
    starts = ["file", "expression_only", "assertion_only"]
    return Lark(grammar, parser="lalr", start=starts, propagate_positions=True)


def _tree(source: Source, start: str, depth: int) -> Branch:
    if (size := len(source.text)) > MAX_CHARACTERS:
        span = Span(source, 1, 1, 1, 2)
        raise DiagnosticsError([FileTooLarge(size, MAX_CHARACTERS, span=span)])
    try:
        tree = _lark().parse(source.text, start=start)
    except UnexpectedInput as error:
        raise DiagnosticsError([_explained(error, source)]) from None
    _refuse_deep(tree, source, depth)
    return tree


def _refuse_deep(tree: Branch, source: Source, limit: int) -> None:
    """Raises where the tree is deeper than the recursive stages can follow."""
    level = [tree]
    for _ in range(limit):
        level = [child for t in level for child in t.children if isinstance(child, Tree)]
        if not level:
            return
    span = Builder(source).span(level[0])
    raise DiagnosticsError([mistakes.NestedTooDeeply(limit, span=span)])


def _end(source: Source) -> Span:
    """The place after the last character that is no blank."""
    lines = source.text.rstrip().split("\n")
    return Span(source, len(lines), len(lines[-1]) + 1, len(lines), len(lines[-1]) + 2)


def _explained(error: UnexpectedInput, source: Source) -> Diagnostic:
    match error:
        case UnexpectedToken(token=Token(type="$END")):
            words = expected_words(error.accepts or error.expected)
            return mistakes.UnexpectedEnd(words, span=_end(source))
        case UnexpectedToken(token=token):
            span = Builder(source).span(token)
            accepted = error.accepts or error.expected
            facts = (str(token), expected_words(accepted), advice(token, accepted))
            return mistakes.UnexpectedToken(*facts, span=span)
        case UnexpectedCharacters():
            span = Span(source, error.line, error.column, error.line, error.column + 1)
            return mistakes.UnexpectedCharacter(error.char, span=span)
        case _:
            raise error
