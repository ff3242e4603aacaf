"""What the printer is asked for, and what it hands back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


@dataclass(frozen=True, slots=True)
class TritonConfig:
    """How a kernel is launched; the tile itself is the kernel's.

    `input_precision` is that of fp32 products: "ieee", "tf32" or "tf32x3". With `descriptors`, the
    tensor memory accelerator copies keys and values where it can: see `Context.described`.
    """

    num_warps: int = 4
    num_stages: int = 2
    input_precision: str = "ieee"
    descriptors: bool = False


@dataclass(frozen=True, slots=True)
class KernelInfo:
    """What is needed to compile one kernel of a file ahead of time.

    `signature` gives each argument's Triton type ("*bf16", "i32", "fp32", "constexpr"), and
    `constexprs` the values of those that are constants.
    """

    name: str
    signature: Mapping[str, str]
    constexprs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TritonSource:
    """A Python file that imports torch and triton only, and the kernels in it."""

    text: str
    kernels: tuple[KernelInfo, ...]
