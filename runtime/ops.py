"""The PyTorch operators `attnc::attention` and its backward, with fake kernels for compilers.

One operator serves every spec; `key` names what to run in the registry of this process. Tensors
and numbers of a spec travel as parallel lists with their names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Call, bind_call, heads_first

CALL = (
    "Tensor q, Tensor k, Tensor v, str[] tensor_names, Tensor[] tensors, "
    "str[] number_names, float[] numbers, float? scale, Tensor? q_start, Tensor? k_start, "
    "Tensor? cu_seqlens, Tensor? kv_len, SymInt[]? grid"
)
DEVICES = ("CPU", "CUDA")  # by PyTorch's names: AMD's GPUs are CUDA too
SCHEMA = f"(str key, {CALL}) -> (Tensor, Tensor)"
BACKWARD_SCHEMA = (
    "(str key, Tensor out, Tensor lse, Tensor d_out, Tensor? d_lse, str[] wanted, "
    f"{CALL}) -> (Tensor, Tensor, Tensor, Tensor[])"
)


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a backward pass is given, in the caller's layout, and the inputs that want a gradient.

    `out` and `lse` are those of the forward pass; `d_out` and `d_lse` their gradients.
    """

    out: Tensor
    lse: Tensor
    d_out: Tensor
    d_lse: Tensor | None
    wanted: Sequence[str]

    def heads_first(self, call: Call, layout: str) -> tuple[Tensor, Tensor, Tensor]:
        """`out` and `d_out` as [B, H, N, Dv], and `lse` as [B, H, N]."""
        out = heads_first("out", self.out, layout, call.packed)
        d_out = heads_first("d_out", self.d_out, layout, call.packed)
        return out, d_out, self.lse if self.lse.dim() == 3 else self.lse.unsqueeze(0)


@dataclass(frozen=True, slots=True)
class Gradients:
    """The gradients of q, k, v and of the inputs that want one, each as what it belongs to."""

    q: Tensor
    k: Tensor
    v: Tensor
    inputs: list[Tensor]

    @classmethod
    def zero(cls, q: Tensor, k: Tensor, v: Tensor, wanted: Sequence[Tensor]) -> "Gradients":
        """Those of a call that computes nothing."""
        d_q, d_k, d_v, *inputs = (torch.zeros_like(x) for x in (q, k, v, *wanted))
        return cls(d_q, d_k, d_v, inputs)


class Runner(Protocol):
    """What the registry holds: how to compute, and the shapes of what comes out."""

    def run(self, q: Tensor, k: Tensor, v: Tensor, call: "Keywords") -> tuple[Tensor, Tensor]:
        """Outputs and their log-sum-exp."""

    def backward(
        self, q: Tensor, k: Tensor, v: Tensor, call: "Keywords", given: Upstream
    ) -> Gradients:
        """The gradients of what the same call computed."""

    def empty(self, q: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Uninitialised outputs of the right shapes."""

    @property
    def adds_sink(self) -> bool:
        """Whether the kernels add the spec's extra term of the softmax themselves."""

    @property
    def compilations(self) -> int:
        """The number of kernels made or fetched so far."""


@dataclass(frozen=True, slots=True)
class Keywords:
    """The keyword arguments of a call, as the operator hands them on."""

    inputs: dict[str, Any]
    scale: float | None
    q_start: int | Tensor | None
    k_start: int | Tensor | None
    cu_seqlens: Tensor | None
    kv_len: Tensor | None
    grid: Sequence[int] | None

    def bind(
        self, bound: Bound, q: Tensor, k: Tensor, v: Tensor, layout: str, inputs: dict[str, Any]
    ) -> Call:
        """The checked call, with these of its inputs."""
        return bind_call(
            bound,
            q,
            k,
            v,
            layout=layout,
            scale=self.scale,
            q_start=self.q_start,
            k_start=self.k_start,
            cu_seqlens=self.cu_seqlens,
            kv_len=self.kv_len,
            grid=self.grid,
            inputs=inputs,
        )


_runners: dict[str, Runner] = {}


def register(key: str, make: Callable[[], Runner]) -> Runner:
    """The runner of a key; made on first use and shared after."""
    if key not in _runners:
        _runners[key] = make()
    return _runners[key]


def _run(
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
    keywords = _keywords(tensor_names, tensors, number_names, numbers, *rest)
    return _runners[key].run(q, k, v, keywords)


def _keywords(
    tensor_names: Sequence[str],
    tensors: Sequence[Tensor],
    number_names: Sequence[str],
    numbers: Sequence[float],
    *rest: Any,
) -> Keywords:
    """The keywords of a call from the operators' parallel lists."""
    inputs: dict[str, Any] = dict(zip(tensor_names, tensors, strict=True))
    return Keywords(inputs | dict(zip(number_names, numbers, strict=True)), *rest)


def _fake(key: str, q: Tensor, k: Tensor, v: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    return _runners[key].empty(q, v)


def _run_backward(
    key: str,
    out: Tensor,
    lse: Tensor,
    d_out: Tensor,
    d_lse: Tensor | None,
    wanted: Sequence[str],
    q: Tensor,
    k: Tensor,
    v: Tensor,
    tensor_names: Sequence[str],
    tensors: Sequence[Tensor],
    number_names: Sequence[str],
    numbers: Sequence[float],
    *rest: Any,
) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    keywords = _keywords(tensor_names, tensors, number_names, numbers, *rest)
    given = Upstream(out, lse, d_out, d_lse, wanted)
    found = _runners[key].backward(q, k, v, keywords, given)
    return found.q, found.k, found.v, found.inputs


def _backward_fake(
    key: str,
    out: Tensor,
    lse: Tensor,
    d_out: Tensor,
    d_lse: Tensor | None,
    wanted: Sequence[str],
    q: Tensor,
    k: Tensor,
    v: Tensor,
    tensor_names: Sequence[str],
    tensors: Sequence[Tensor],
    *rest: Any,
) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    inputs = dict(zip(tensor_names, tensors, strict=True))
    like = [torch.empty_like(inputs[name]) for name in wanted]
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v), like


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    """Keep the call and its outputs; tensors apart, as autograd asks."""
    key, q, k, v, tensor_names, tensors, number_names, numbers, scale, *starts, grid = inputs
    ctx.set_materialize_grads(False)
    ctx.plain = key, tensor_names, number_names, numbers, scale, len(tensors), grid
    ctx.save_for_backward(*output, q, k, v, *tensors, *starts)


def _backward(ctx: Any, d_out: Tensor | None, d_lse: Tensor | None) -> tuple[Any, ...]:
    """Gradients in the order of the arguments of `attnc::attention`."""
    key, tensor_names, number_names, numbers, scale, count, grid = ctx.plain
    out, lse, q, k, v, *others = ctx.saved_tensors
    tensors, starts = others[:count], others[count:]
    needed = ctx.needs_input_grad[5]
    wanted = [n for n, asked in zip(tensor_names, needed or [False] * count, strict=True) if asked]
    d_q, d_k, d_v, d_inputs = attention_backward(
        key,
        out,
        lse,
        torch.zeros_like(out) if d_out is None else d_out,
        d_lse,
        wanted,
        *(q, k, v, tensor_names, tensors, number_names, numbers, scale, *starts, grid),
    )
    by_name = dict(zip(wanted, d_inputs, strict=True))
    d_tensors = [by_name.get(name) for name in tensor_names]
    # PyTorch takes a list without tensors for one argument, but an empty one for a list.
    names: list[None] | None = None if tensor_names else []
    scalars: list[None] | None = None if numbers else []
    return None, d_q, d_k, d_v, names, d_tensors, scalars, scalars, *[None] * 6


torch.library.define("attnc::attention", SCHEMA)
torch.library.define("attnc::attention_backward", BACKWARD_SCHEMA)
for device in DEVICES:
    torch.library.impl("attnc::attention", device, _run)
    torch.library.impl("attnc::attention_backward", device, _run_backward)
torch.library.register_fake("attnc::attention", _fake)
torch.library.register_fake("attnc::attention_backward", _backward_fake)
torch.library.register_autograd("attnc::attention", _backward, setup_context=_setup)
attention = torch.ops.attnc.attention.default
attention_backward = torch.ops.attnc.attention_backward.default
