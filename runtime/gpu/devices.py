"""The GPU of this machine, and whether kernels for a target can run here."""

import os
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from attnc.dsl.errors import NeedsGpu
from attnc.runtime.gpu.targets import FAMILIES, GPUS, find


def interpreted() -> bool:
    """Whether Triton interprets kernels, on CPU tensors and very slowly."""
    return os.environ.get("TRITON_INTERPRET", "0") not in ("", "0")


def present(device: torch.device | None = None) -> str | None:
    """The target that a GPU is (by default the current one), None where there is none."""
    if not torch.cuda.is_available():
        return None
    about = torch.cuda.get_device_properties(device)
    if torch.version.hip:
        return f"hip:{about.gcnArchName.partition(':')[0]}"
    return f"cuda:sm_{about.major}{about.minor}"


def resolve(target: str, device: torch.device | None = None) -> str:
    """The architecture that a target means here: `cuda` is that of the GPU.

    Raises `NotBuiltForTarget` for an unknown architecture and `NeedsGpu` where the GPU is not that
    of the target, unless kernels are interpreted.
    """
    if target not in FAMILIES:
        find(target)
    if interpreted():
        return next(name for name in GPUS if name.startswith(target))
    found = present(device)
    if found is None:
        raise NeedsGpu(_named(target), "PyTorch sees none on this machine")
    if target not in (found, found.partition(":")[0]):
        raise NeedsGpu(target, f"this machine's is `{found}`")
    find(found)
    return found


def current(x: Tensor) -> AbstractContextManager[object]:
    """Makes the tensor's GPU the current one, on which Triton launches."""
    return torch.cuda.device(x.device) if x.is_cuda else nullcontext()


def _named(target: str) -> str:
    """A target with its architecture, for a command line that can be copied."""
    return target if target in GPUS else next(name for name in GPUS if name.startswith(target))
