"""The run-time inputs of a spec: their tensors checked against the declared axes."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.errors import (
    DtypeMismatch,
    GradientNotDeclared,
    MissingInput,
    ShapeMismatch,
    UnknownArgument,
)
from attnc.dsl.program import Bound
from attnc.dsl.syntax import Input

INTEGERS = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.bool)
INT32 = torch.iinfo(torch.int32)
NUMBERS = (int, float, torch.SymInt, torch.SymFloat)


def computed_in(dtype: torch.dtype) -> torch.dtype:
    """The dtype of the arithmetic for operands of a dtype."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def dtype_name(dtype: torch.dtype) -> str:
    """A dtype's name, such as `float32`."""
    return str(dtype).removeprefix("torch.")


def split_inputs(
    bound: Bound, given: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the numbers among the inputs of a call; those that are None left out.

    Raises `UnknownArgument`, or `DtypeMismatch` for what can be neither.
    """
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for name, value in given.items():
        if name not in bound.inputs:
            raise UnknownArgument(name, tuple(bound.inputs))
        declaration = bound.inputs[name]
        if isinstance(value, Tensor):
            tensors[name] = value
        elif value is not None:
            if declaration.axes or isinstance(value, bool) or not isinstance(value, NUMBERS):
                raise DtypeMismatch(name, _kind(declaration), type(value).__name__)
            numbers[name] = value
    return tensors, numbers


def check_gradients(bound: Bound, tensors: Mapping[str, Tensor]) -> None:
    """Refuse a tensor whose gradient is wanted but not declared: it would silently have none."""
    for name, x in tensors.items():
        declared = bound.inputs[name]
        if x.requires_grad and torch.is_grad_enabled() and not declared.grad:
            axes = f"[{', '.join(declared.axes)}]" if declared.axes else ""
            raise GradientNotDeclared(name, f"{declared.dtype}{axes}")


def _kind(declaration: Input) -> str:
    if declaration.axes:
        return f"a tensor [{', '.join(declaration.axes)}]"
    return f"one {declaration.dtype}"


def bind_inputs(
    bound: Bound,
    given: Mapping[str, Any],
    q: Tensor,
    k: Tensor,
    wanted: Collection[str] | None = None,
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Tensors as [B or 1, axes...] in int32 or the dtype of the arithmetic, and numbers, by name.

    `q` and `k` are [B, H, N, D]. A tensor has its declared axes and may have a leading batch axis.
    `wanted` are the inputs that are needed, by default all; a segment without a length is empty.
    """
    declared = bound.inputs
    for name in given:
        if name not in declared:
            raise UnknownArgument(name, tuple(declared))
    segments = dict(bound.segments)
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, float] = {}
    for name, declaration in declared.items():
        if declaration.dtype == "set":
            continue  # see `lists`
        if wanted is not None and name not in wanted:
            continue
        if given.get(name) is None and name in segments:
            numbers[name] = 0
            continue
        if given.get(name) is None:
            raise MissingInput(name)
        if declaration.axes:
            tensors[name] = _tensor(declaration, given[name], q, k)
        else:
            numbers[name] = _number(declaration, given[name])
    return tensors, numbers


def _number(declaration: Input, value: Any) -> float:
    found = value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise DtypeMismatch(declaration.name, _kind(declaration), type(value).__name__)
    if declaration.dtype == "int" and not (math.isfinite(found) and found == int(found)):
        raise DtypeMismatch(declaration.name, "an int", f"{found}")
    return int(found) if declaration.dtype == "int" else float(found)


def _tensor(declaration: Input, x: Any, q: Tensor, k: Tensor) -> Tensor:
    """One input tensor, batch axis first."""
    name, axes = declaration.name, declaration.axes
    if not isinstance(x, Tensor):
        raise DtypeMismatch(name, _kind(declaration), type(x).__name__)
    if x.device != q.device:
        raise DtypeMismatch(name, f"device {q.device}, as q has", f"on {x.device}")
    sizes = _sizes(q, k)
    own_batch = axes[0] == "b"
    expected = [sizes.get(axis) for axis in axes]
    shapes = [expected] if own_batch else [expected, [sizes["b"], *expected]]
    if not any(_fits(x, shape) for shape in shapes):
        raise ShapeMismatch(name, _wanted(axes, expected, sizes["b"]), tuple(x.shape))
    if x.dim() == len(axes) and not own_batch:
        x = x.unsqueeze(0)
    if own_batch:
        x = x.unsqueeze(1)
    return _converted(declaration, x, computed_in(q.dtype))


def _sizes(q: Tensor, k: Tensor) -> dict[str, int]:
    return {
        "b": q.shape[0],
        "h": q.shape[1],
        "hkv": k.shape[1],
        "token": k.shape[2],
        "q": q.shape[2],
        "k": k.shape[2],
    }


def _fits(x: Tensor, shape: list[int | None]) -> bool:
    return x.dim() == len(shape) and all(
        wanted is None or found == wanted for found, wanted in zip(x.shape, shape, strict=True)
    )


def _wanted(axes: tuple[str, ...], sizes: list[int | None], batch: int) -> str:
    parts = [
        axis if size is None else f"{axis} = {size}" for axis, size in zip(axes, sizes, strict=True)
    ]
    leading = "" if axes[0] == "b" else f", or with a leading batch axis of {batch}"
    return f"[{', '.join(parts)}]{leading}"


def _converted(declaration: Input, x: Tensor, real: torch.dtype) -> Tensor:
    """int32 or `real`; integers outside int32 are refused, not wrapped."""
    name = declaration.name
    if declaration.dtype == "float":
        if not x.is_floating_point():
            raise DtypeMismatch(name, "a floating-point dtype", str(x.dtype))
        return x.to(real)
    if x.dtype not in INTEGERS:
        raise DtypeMismatch(name, "int32 or int64", str(x.dtype))
    if x.dtype == torch.int64 and x.numel():
        low, high = (int(end) for end in x.aminmax())
        if low < INT32.min or high > INT32.max:
            raise DtypeMismatch(name, "values that fit in int32", f"int64 from {low} to {high}")
    return x.to(torch.int32)
