"""What the parser would have accepted, in human words."""

from collections.abc import Iterable

from lark import Token

from attnc.dsl.diagnostics import listing

_WORDS = {
    "NAME": "a name",
    "INT": "a number",
    "FLOAT": "a number",
    "STRING": "a quoted path",
    "COMPARISON": "a comparison",
    "PRODUCT": "an operator",
    "PLUS": "an operator",
    "MINUS": "an operator",
    "CIRCUMFLEX": "an operator",
    "_AND": "an operator",
    "_OR": "an operator",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "SEMICOLON": "`;`",
    "EQUAL": "`=`",
    "DOT": "`.`",
    "__ANON_0": "`..`",
    "TILDE": "`~`",
    "VBAR": "a set operator",
    "AMPERSAND": "a set operator",
    "_ON": "a set operator",
    "_WHEN": "`when`",
    "$END": "the end of the text",
}
_DEFINITIONS = {"_MASK", "_ATTENTION", "_ROUTE", "_STACK"}
_STATEMENTS = {"_INPUT", "_SCORE", "_NORMALIZE", "_ASSERT", "_OUTPUT", "_MERGE", "_CROSS", "BRANCH"}
_VALUE = {"NAME", "INT", "FLOAT", "LSQB", "LPAR", "_TRUE", "_FALSE"}


def expected_words(terminals: Iterable[str]) -> str:
    """Terminals as a list to read: related ones are named together.

    >>> expected_words({"RPAR", "COMMA"})
    '`)` or `,`'
    """
    left = set(terminals)
    words = []
    for group, word in (
        (_STATEMENTS | {"_MASK"}, "a statement"),
        (_DEFINITIONS, "a definition"),
        (_VALUE, "a value"),
    ):
        if group <= left:
            words.append(word)
            left -= group | ({"_GRID", "_SEGMENT"} if "_MASK" in group else set())
    if "a value" in words:
        left -= {"MINUS", "_NOT", "_EXISTS"}
    if "VBAR" in left:
        left.discard("MINUS")
    words += sorted({_word(terminal) for terminal in left})
    return listing(words)


def _word(terminal: str) -> str:
    return _WORDS.get(terminal) or f"`{terminal.strip('_').lower()}`"


def quoted(token: Token) -> str:
    """A token for a title, cut to a readable length."""
    text = str(token)
    return f"`{text if len(text) <= 40 else text[:37] + '...'}`"
