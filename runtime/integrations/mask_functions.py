"""What is inside a mask function of transformers: closures that combine other mask functions."""

import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from torch import Tensor

MODULE = "transformers.masking_utils"
CAUSAL = "causal_mask_function"
PACKED = "packed_sequence_mask_function"
PATTERNS = (
    CAUSAL,
    "bidirectional_mask_function",
    "sliding_window_overlay",
    "sliding_window_bidirectional_overlay",
    "chunked_overlay",
)


def parts(function: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """The functions that a mask function is made of, by name.

    >>> list(parts(lambda batch, head, query, key: query >= key))
    ['<lambda>']
    """
    return {_name(part): part for part in _leaves(function)}


def sequence_of_token(part: Callable[..., Any]) -> Tensor:
    """The tensor [batch, length] that the packed-sequence part of a mask function closes over."""
    tensor: Tensor = inspect.getclosurevars(part).nonlocals["packed_sequence_mask"]
    return tensor


def _leaves(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    nested = list(_functions(inspect.getclosurevars(function).nonlocals.values()))
    if not nested:
        yield function
    for inner in nested:
        yield from _leaves(inner)


def _functions(values: Any) -> Iterator[FunctionType]:
    for value in values:
        if isinstance(value, tuple | list):
            yield from _functions(value)
        elif isinstance(value, FunctionType):
            yield value


def _name(part: Callable[..., Any]) -> str:
    """The factory for what transformers itself makes, else the function's own dotted name."""
    name = part.__qualname__
    return name.split(".")[0] if part.__module__ == MODULE else name
