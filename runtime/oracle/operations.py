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


def draw(n: Tensor, seed: Tensor, *places: Tensor) -> Tensor:
    """MurmurHash3 (x86, 32 bits) of the places as words, modulo `n`; 0 where `n` is below 1."""
    low = (1 << 32) - 1  # products of two words wrap at 64 bits, which keeps their low half

    def rotated(x: Tensor, by: int) -> Tensor:
        return ((x << by) | (x >> (32 - by))) & low

    h = seed & low
    for place in places:
        k = rotated((place & low) * 0xCC9E2D51 & low, 15) * 0x1B873593 & low
        h = (rotated(h ^ k, 13) * 5 + 0xE6546B64) & low
    h = h ^ 4 * len(places)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h = (h ^ (h >> shift)) * factor & low
    return h % n.clamp(min=1)


def chance(p: Tensor, seed: Tensor, *places: Tensor) -> Tensor:
    """Whether a draw from 2^30 numbers falls below the share `p` of them, `p` in float32."""
    return draw(torch.tensor(1 << 30), seed, *places) < p.float().double() * (1 << 30)


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
    "draw": draw,
    "chance": chance,
}
