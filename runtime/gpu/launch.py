"""A Triton file as a module, whose `attention` Triton's JIT compiles for the GPU of its tensors."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from torch import Tensor

from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.program import Bound
from attnc.runtime import cache as disk
from attnc.runtime.gpu import tuned
from attnc.runtime.gpu.aot import require_triton
from attnc.runtime.gpu.configs import Config, first_guess
from attnc.runtime.gpu.devices import interpreted
from attnc.runtime.gpu.gradients import backward_of, search_backward
from attnc.runtime.gpu.lower_triton import Backward, triton_source
from attnc.runtime.gpu.search import check_printable, search
from attnc.runtime.gpu.targets import find

FILE = "kernel.py"


@dataclass(frozen=True, slots=True)
class GpuKernel:
    """`attention(q, k, v, *, scale, return_lse, **inputs)` of a file, on [B, H, N, D] tensors.

    `gradients(do, d_lse, q, k, v, out, lse, scale, **inputs)` gives those of q, k, v and of the
    inputs that it was printed for, in their order; None where the file has no backward pass.
    """

    attention: Callable[..., tuple[Tensor, Tensor]]
    path: Path
    gradients: Callable[..., tuple[Tensor, ...]] | None = None


def chosen(bound: Bound, sizes: Sizes, target: str) -> GpuKernel:
    """The kernel with the tuned config of this device, else the one that the search chooses.

    Where kernels are interpreted there is no machine code to judge: the greatest tile serves.
    """
    require_triton()
    gpu = find(target)
    config = tuned.stored(bound, sizes, target)
    if config is None and not interpreted():
        return from_text(search(bound, sizes, gpu).source.text)
    check_printable(bound, sizes, target)
    return with_config(bound, sizes, config or first_guess(gpu, sizes))


def with_config(bound: Bound, sizes: Sizes, config: Config) -> GpuKernel:
    """The kernel with this tile and launch."""
    return from_text(triton_source(bound, sizes, config.tile, config.triton).text)


def with_gradients(bound: Bound, sizes: Sizes, target: str, wanted: Sequence[str]) -> GpuKernel:
    """The kernels of the backward pass; raises `NotBuiltForTarget` for what the printer lacks."""
    require_triton()
    try:
        source = triton_source(bound, sizes, backward=Backward.alike(64, 64), wanted=wanted)
    except NotBuiltForTarget as error:
        raise NotBuiltForTarget(error.feature, target, ("cpu",)) from None
    if not interpreted():
        best = backward_of(search_backward(bound, sizes, find(target), wanted))
        source = triton_source(bound, sizes, backward=best, wanted=wanted)
    return from_text(source.text)


def from_text(text: str) -> GpuKernel:
    """The kernel of a file's text."""
    return from_file(_written(text))


def module_of(text: str) -> ModuleType:
    """A file's text as a module."""
    return _module(_written(text))


def from_file(path: Path) -> GpuKernel:
    """The kernel of a file."""
    module = _module(path)
    return GpuKernel(module.attention, path, getattr(module, "gradients", None))


def _written(text: str) -> Path:
    """The file of a text: Triton wants its functions in one."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    path = disk.root() / "triton" / digest / FILE
    if not path.exists() or path.read_text() != text:
        disk.replace(path, text)
    return path


def _module(path: Path) -> ModuleType:
    """The module of a file, which is imported once."""
    name = f"attnc_triton_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]
