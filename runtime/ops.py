"""The PyTorch operator: `attnc::attention`, with a fake kernel, so that compilers pass over it.

One operator serves every spec; `key` names what to run in the registry of this process. Tensors
and numbers of a spec travel as parallel lists with their names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from attnc.dsl.errors import NotBuiltForTarget

SCHEMA = (
    "(str key, Tensor q, Tensor k, Tensor v, str[] tensor_names, Tensor[] tensors, "
    "str[] number_names, float[] numbers, float? scale, Tensor? q_start, Tensor? k_start, "
    "Tensor? cu_seqlens, Tensor? kv_len) -> (Tensor, Tensor)"
)


class Runner(Protocol):
    """What the registry holds: how to compute, and the shapes of what comes out."""

    def run(self, q: Tensor, k: Tensor, v: Tensor, call: "Keywords") -> tuple[Tensor, Tensor]:
        """Outputs and their log-sum-exp."""

    def empty(self, q: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Uninitialised outputs of the right shapes."""

    @property
    def compilations(self) -> int:
        """The number of kernels made or fetched so far."""


@dataclass(frozen=True, slots=True)
class Keywords:
    """The keyword arguments of a call, as the operator hands them on."""

    inputs: dict[str, Any]
    scale: float | None
    q_start: Tensor | None
    k_start: Tensor | None
    cu_seqlens: Tensor | None
    kv_len: Tensor | None


_runners: dict[str, Runner] = {}


def register(key: str, make: Callable[[], Runner]) -> Runner:
    """The runner of a key; made on first use and shared after."""
    if key not in _runners:
        _runners[key] = make()
    return _runners[key]


def _cpu(
    key: str,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    tensor_names: Sequence[str],
    tensors: Sequence[Tensor],
    number_names: Sequence[str],
    numbers: Sequence[float],
    *rest: Any,
) -> tuple[Tensor, Tensor]:
    inputs = dict(zip(tensor_names, tensors, strict=True))
    values = dict(zip(number_names, numbers, strict=True))
    return _runners[key].run(q, k, v, Keywords(inputs | values, *rest))


def _fake(key: str, q: Tensor, k: Tensor, v: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    return _runners[key].empty(q, v)


def _no_backward(ctx: Any, *gradients: Tensor) -> None:
    raise NotBuiltForTarget("the backward pass", "cpu")


torch.library.define("attnc::attention", SCHEMA)
torch.library.impl("attnc::attention", "CPU", _cpu)
torch.library.register_fake("attnc::attention", _fake)
torch.library.register_autograd("attnc::attention", _no_backward)
attention = torch.ops.attnc.attention.default
