"""The operators and functions of the language on tensors, as `docs/language.md` defines them."""

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor

EXACT: Final = 1 << 62  # integer powers stay below


def floor_div(a: Tensor, b: Tensor) -> Tensor:
    """`a div b` on int64: rounds towards minus infinity."""
    return torch.div(a, b, rounding_mode="floor")


def divide(a: Tensor, b: Tensor) -> Tensor:
    """`a / b` in float64, of integers too."""
    return torch.div(a.double(), b.double())


def power(a: Tensor, b: Tensor) -> Tensor:
    """`a ^ b`: int64 for integer constants whose power fits, else float64."""
    real = torch.pow(a.double(), b.double())
    constants = a.dim() == b.dim() == 0 and not (a.is_floating_point() or b.is_floating_point())
    if constants and int(b) >= 0 and abs(float(real)) < EXACT:
        return torch.pow(a, b)
    return real


def clamp(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """`min(max(x, low), high)`: `high` wins where the bounds cross."""
    return torch.minimum(torch.maximum(x, low), high)


def softcap(x: Tensor, cap: Tensor) -> Tensor:
    """`cap * tanh(x / cap)` (Gemma 2)."""
    return cap * torch.tanh(divide(x, cap))


def where(condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """`yes` where the condition holds, else `no`."""
    return torch.where(condition, yes, no)


def _real(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: function(x.double())


BINARY: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "/": divide,
    "div": floor_div,
    "mod": torch.remainder,
    "^": power,
    "and": torch.logical_and,
    "or": torch.logical_or,
}

COMPARE: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "<": torch.lt,
    "<=": torch.le,
    ">": torch.gt,
    ">=": torch.ge,
    "==": torch.eq,
    "!=": torch.ne,
}

FUNCTIONS: Final[Mapping[str, Callable[..., Tensor]]] = {
    "abs": torch.abs,
    "min": torch.minimum,
    "max": torch.maximum,
    "clamp": clamp,
    "exp": _real(torch.exp),
    "log": _real(torch.log),
    "log2": _real(torch.log2),
    "sqrt": _real(torch.sqrt),
    "tanh": _real(torch.tanh),
    "sigmoid": _real(torch.sigmoid),
    "softcap": softcap,
    "where": where,
}
