"""What is compiled of a Triton file: a job for each kernel in it, as the JIT would find them."""

import re
from collections.abc import Mapping

from attnc.codegen.triton.backward import NAMES
from attnc.codegen.triton.config import KernelInfo, TritonSource
from attnc.compiler.elaborate import Sizes
from attnc.runtime.gpu.aot import Job
from attnc.runtime.gpu.configs import Config
from attnc.runtime.gpu.report import Work

FORWARD = "forward"
# Products of a head's columns and of a value's that a pair takes in each kernel.
PRODUCTS = {FORWARD: (1, 1), NAMES["q"]: (2, 1), NAMES["k"]: (2, 2)}
_STRIDE = re.compile(r"(q|k|v|out|do|dq|dk|dv)_s[bhn]")
MULTIPLE = 16  # what the JIT tells of pointers and numbers


def jobs(
    source: TritonSource, launches: Mapping[str, Config], sizes: Sizes, target: str
) -> dict[str, Job]:
    """A job for each kernel, by its name; `launches` has those that are not launched by default.

    Pointers are aligned, as PyTorch's are, and so are strides where columns allow; the last
    stride of an input is 1. Lengths may be any.
    """
    found = {}
    for kernel in source.kernels:
        ones = _last_strides(kernel)
        config = launches.get(kernel.name)
        found[kernel.name] = Job(
            source=source.text,
            name=kernel.name,
            target=target,
            signature=dict(kernel.signature) | dict.fromkeys(ones, "constexpr"),
            constants=dict(kernel.constexprs) | dict.fromkeys(ones, 1),
            divisible=_aligned(kernel, sizes),
            options=config.launch if config else {},
            work=_work(kernel.name, config, sizes),
        )
    return found


def _work(name: str, config: Config | None, sizes: Sizes) -> Work:
    """What an iteration computes; nothing in kernels without products."""
    if config is None:
        return Work(1, 1)
    columns, values = PRODUCTS[name]
    each = 2 * (columns * sizes.head_dim + values * sizes.value_dim)
    return Work(config.tile_q * config.tile_k, each)


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
