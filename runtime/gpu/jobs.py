"""What is compiled of a Triton file: a job for each kernel in it, as the JIT would find them."""

import re
from dataclasses import replace

from attnc.codegen.triton.config import KernelInfo, TritonSource
from attnc.compiler.elaborate import Sizes
from attnc.runtime.gpu.aot import Job
from attnc.runtime.gpu.configs import Config
from attnc.runtime.gpu.report import Work

FORWARD = "forward"
_STRIDE = re.compile(r"(q|k|v|out)_s[bhn]")
MULTIPLE = 16  # what the JIT tells of pointers and numbers


def jobs(source: TritonSource, config: Config, sizes: Sizes, target: str) -> dict[str, Job]:
    """A job for each kernel, by its name.

    Pointers are aligned, as PyTorch's are, and so are strides where columns allow; the last
    stride of an input is 1. Lengths may be any.
    """
    work = Work(config.tile_q * config.tile_k, 2 * (sizes.head_dim + sizes.value_dim))
    options = {"num_warps": config.num_warps, "num_stages": config.num_stages}
    found = {}
    for kernel in source.kernels:
        ones = _last_strides(kernel)
        job = Job(
            source=source.text,
            name=kernel.name,
            target=target,
            signature=dict(kernel.signature) | dict.fromkeys(ones, "constexpr"),
            constants=dict(kernel.constexprs) | dict.fromkeys(ones, 1),
            divisible=_aligned(kernel, sizes),
            options=options,
            work=work,
        )
        found[kernel.name] = job if kernel.name == FORWARD else replace(job, options={})
    return found


def _aligned(kernel: KernelInfo, sizes: Sizes) -> tuple[str, ...]:
    whole = sizes.head_dim % MULTIPLE == 0 and sizes.value_dim % MULTIPLE == 0
    return tuple(
        name
        for name, kind in kernel.signature.items()
        if kind.startswith("*") or (whole and kind == "i32" and _STRIDE.fullmatch(name))
    )


def _last_strides(kernel: KernelInfo) -> list[str]:
    """The arguments `NAME_sI` with the greatest I of each input."""
    last: dict[str, str] = {}
    for name in kernel.signature:
        if match := re.fullmatch(r"(\w+)_s\d+", name):
            last[match[1]] = name
    return list(last.values())
