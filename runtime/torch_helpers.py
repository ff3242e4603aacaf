"""What functions written from formulas call, on tensors and on Python numbers alike."""

from collections.abc import Callable
from functools import reduce
from typing import Any, Final

import torch
from torch import Tensor

from attnc.compiler.draws import draw
from attnc.runtime.routes.waiting import free

DENSE = 16  # numbers of a table for each entry of a list, up to which it is no larger than 4 lists


def tensor(x: Any) -> Tensor:
    """What a formula gave as a tensor: a number is filled in, as a copy to a GPU is awaited."""
    return x if isinstance(x, Tensor) else torch.full((), x)


def _not(x: Any) -> Any:
    return torch.logical_not(x) if isinstance(x, Tensor) else not x


def _holds(x: Any, entry: Tensor) -> Tensor:
    """A condition as a tensor of bools, also where it is made of constants."""
    if isinstance(x, Tensor):
        return x.bool()
    return entry.new_full((), bool(x), dtype=torch.bool)


def _where(condition: Any, yes: Any, no: Any) -> Any:
    if isinstance(condition, Tensor):
        return torch.where(condition, yes, no)
    return yes if condition else no


def _least(a: Any, b: Any) -> Any:
    return _where(a < b, a, b)


def _greatest(a: Any, b: Any) -> Any:
    return _where(a > b, a, b)


def _exists(holds: Callable[[int], Any], low: int, high: int) -> Any:
    return reduce(lambda found, value: found | holds(value), range(low, high), False)


def _member(value: Any, lists: Tensor, *places: Any) -> Tensor:
    """Whether the lists at some places hold a value: searched, or looked up in a table.

    To know how wide the table would be is to wait on a GPU; there lists are searched.
    """
    value = tensor(value)
    width = int(lists.max()) + 1 if free(lists) and lists.numel() else 0
    if not 0 < width <= DENSE * lists.shape[-1]:
        found: Tensor = (lists[places or ...] == value[..., None]).any(-1) & (value >= 0)
        return found
    table = torch.zeros(*lists.shape[:-1], width + 1, dtype=torch.bool)
    table.scatter_(-1, torch.where(lists < 0, width, lists).long(), True)
    table[..., width] = False
    return table[(*places, torch.where((value >= 0) & (value < width), value, width))]


def _real(function: Callable[[Tensor], Tensor]) -> Callable[[Any], Tensor]:
    return lambda x: function(tensor(x if isinstance(x, Tensor) else float(x)))


HELPERS: Final[dict[str, Any]] = {
    "__builtins__": {},
    "not_": _not,
    "holds_": _holds,
    "where_": _where,
    "min_": _least,
    "max_": _greatest,
    "clamp_": lambda x, low, high: _least(_greatest(x, low), high),
    "abs_": abs,
    "exists_": _exists,
    "member_": _member,
    "draw_": draw,
    "softcap_": lambda x, cap: cap * torch.tanh(x / cap),
    **{f"{f.__name__}_": _real(f) for f in (torch.exp, torch.log, torch.log2, torch.sqrt)},
    **{f"{f.__name__}_": _real(f) for f in (torch.tanh, torch.sigmoid)},
}
