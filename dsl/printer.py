"""The canonical form: trees and whole sources as text.

Printing and parsing again gives an equal tree; formatting twice gives the same text.
"""

from attnc.dsl.format_file import format_file
from attnc.dsl.parser import parse
from attnc.dsl.print_nodes import print_assertion, print_expression, print_set
from attnc.dsl.source import Source

__all__ = ["format_source", "print_assertion", "print_expr", "print_expression", "print_set"]

print_expr = print_expression  # the short name, for code that prints many


def format_source(source: Source) -> str:
    """A source in the canonical form, its comments kept.

    A comment stays on its own line before, or at the end of, what it stood at; one inside of an
    expression moves before the statement. Raises `DiagnosticsError` where `parse` does.

    >>> print(format_source(Source("", "attention a{mask causal&window( 4 )} # near")), end="")
    attention a {
        mask causal & window(4)
    }  # near
    """
    return format_file(parse(source))
