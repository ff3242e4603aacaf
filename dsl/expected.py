"""What the parser would have accepted, in human words, and what may have been meant."""

from collections.abc import Iterable

from lark import Token

from attnc.dsl.diagnostics import closest, listing

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


def advice(token: Token, terminals: Iterable[str]) -> str | None:
    """A hint for the mistakes that are made often; None where there is none to give."""
    accepted, text = set(terminals), str(token)
    words = {terminal.strip("_").lower() for terminal in accepted if terminal.strip("_").isalpha()}
    similar = closest(text, words - {"name", "int", "float"}) if token.type == "NAME" else None
    match token.type:
        case "EQUAL" if "COMPARISON" in accepted:
            return "equality is written `==`"
        case "COMPARISON" | "PLUS" | "PRODUCT" | "_AND" | "_OR" if "VBAR" in accepted:
            return "a condition is written in braces: `{ k <= q }`"
        case "AMPERSAND" | "VBAR" if accepted & {"_AND", "_OR"}:
            return "conditions are joined with `and` and `or`, sets with `&` and `|`"
        case "AMPERSAND" | "VBAR":
            return f"a set operator is one character: `{text}`"
        case "NAME":
            return f"did you mean `{similar}`?" if similar else None
        case name if "NAME" in accepted and name.strip("_").lower() == text:
            return f"`{text}` is a word of the language and cannot be a name"
        case _:
            return None
