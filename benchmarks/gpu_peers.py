"""The other kernels for GPUs: PyTorch's, FlashAttention's and NATTEN's, where installed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from attnc.dsl.diagnostics import AttnError
from attnc.runtime import peers
from attnc.runtime.timing import Work
from benchmarks.gpu_cases import GpuCase
from benchmarks.measure import UnavailableError

Peer = Callable[[GpuCase, Tensor, Tensor, Tensor], Work]


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """Report what a peer refuses to do as the reason why there are no figures."""
    try:
        yield
    except (AttnError, ImportError, NotImplementedError, RuntimeError, TypeError) as reason:
        lines = str(reason).splitlines() or [type(reason).__name__]
        raise UnavailableError(f"{name}: {lines[0]}") from reason


def sdpa(*backends: SDPBackend) -> Peer:
    """PyTorch's attention, held to some of its kernels."""

    def prepare(case: GpuCase, q: Tensor, k: Tensor, v: Tensor) -> Work:
        if case.grid:
            raise UnavailableError("SDPA: a dense mask of a grid is too large")
        attend = peers.sdpa(case.bound, q, k, v, case.tables(str(q.device)))

        def work() -> object:
            with sdpa_kernel(list(backends)):
                return attend()

        return work

    return prepare


def flex(case: GpuCase, q: Tensor, k: Tensor, v: Tensor) -> Work:
    """Compiled FlexAttention, for this shape alone."""
    if case.grid:
        raise UnavailableError("FlexAttention: its mask functions here are of sequences")
    torch._dynamo.reset()
    return peers.flex(case.bound, q, k, v, case.tables(str(q.device)))


def flash_attn(case: GpuCase, q: Tensor, k: Tensor, v: Tensor) -> Work:
    """FlashAttention's own package: full, causal, windows, ALiBi, soft-cap."""
    options: dict[str, Any] = {"causal": case.spec != "line/full"}
    match case.spec:
        case "line/mistral":
            options["window_size"] = (case.parameters["w"] - 1, 0)
        case "score/alibi":
            options["alibi_slopes"] = case.tables(str(q.device))["slope"].float()
        case "score/softcap":
            options["softcap"] = case.parameters["cap"]
        case "line/full" | "line/causal":
            pass
        case _:
            raise UnavailableError("flash-attn: it has no such pattern")
    attend = import_module("flash_attn").flash_attn_func
    tensors = [x.transpose(1, 2) for x in (q, k, v)]
    return lambda: attend(*tensors, **options).transpose(1, 2)


def natten(case: GpuCase, q: Tensor, k: Tensor, v: Tensor) -> Work:
    """NATTEN's fused kernels, on its own layout [B, *grid, H, D]."""
    if not case.name.startswith("NATTEN"):
        raise UnavailableError("NATTEN: neighbourhoods only")
    package = import_module("natten")
    grid, values = case.grid or (case.n,), case.bound.values
    window = tuple(x for name, x in values.items() if name.startswith(("kernel", "w")))
    stride = tuple(x for name, x in values.items() if name.startswith("stride")) or 1
    rank = ("na1d", "na2d", "na3d")[len(grid) - 1]
    tensors = [x.transpose(1, 2).unflatten(1, grid).contiguous() for x in (q, k, v)]
    attend = getattr(package, rank)
    return lambda: (
        attend(*tensors, kernel_size=window, stride=stride).flatten(1, len(grid)).transpose(1, 2)
    )


PEERS: dict[str, Peer] = {
    "SDPA, flash": sdpa(SDPBackend.FLASH_ATTENTION),
    "SDPA, cuDNN": sdpa(SDPBackend.CUDNN_ATTENTION),
    "FlexAttention": flex,
    "flash-attn": flash_attn,
    "NATTEN": natten,
}
TOY_PEERS: dict[str, Peer] = {
    "SDPA, math": sdpa(SDPBackend.MATH),
    "flash-attn": flash_attn,
    "NATTEN": natten,
}
