"""What the attributes of both dialects are checked with."""

from xdsl.dialects.builtin import StringAttr
from xdsl.utils.exceptions import VerifyException

from attnc.dsl.errors import AttnError
from attnc.dsl.parser import parse_expression


def verify_expression(text: StringAttr) -> None:
    """Refuse an attribute whose text is not an expression of the language."""
    try:
        parse_expression(text.data)
    except AttnError as error:
        raise VerifyException(f"not an expression: {text.data!r}") from error
