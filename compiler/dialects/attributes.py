"""What the attributes of both dialects are checked with."""

from xdsl.dialects.builtin import I64, IntegerAttr, StringAttr, i64
from xdsl.utils.exceptions import VerifyException

from attnc.dsl.errors import AttnError
from attnc.dsl.parser import parse_expression

Number = IntegerAttr[I64]


def number(value: int) -> Number:
    """A 64-bit integer attribute."""
    return IntegerAttr(value, i64)


def verify_expression(text: StringAttr) -> None:
    """Refuse an attribute whose text is not an expression of the language."""
    try:
        parse_expression(text.data)
    except AttnError as error:
        raise VerifyException(f"not an expression: {text.data!r}") from error


def verify_packing(rows: Number, packed: Number) -> None:
    """Refuse a tile that cuts the heads of a query apart."""
    if packed.value.data < 1 or rows.value.data % packed.value.data:
        raise VerifyException("a tile holds all packed heads of each of its queries")


def verify_heads(heads: Number, kv_heads: Number) -> None:
    """Refuse head counts that do not group evenly; both are 0 where any will do."""
    total, shared = heads.value.data, kv_heads.value.data
    if min(total, shared) < 0 or bool(total) != bool(shared) or (total and total % shared):
        raise VerifyException("the number of heads is a multiple of the number of KV heads")
