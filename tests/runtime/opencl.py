"""Runs the OpenCL source of a kernel on the first OpenCL platform, which in CI is PoCL."""

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pyopencl as cl
import torch
from torch import Tensor

from attnc.codegen.tvm_gpu.kernel import GpuSource

os.environ.setdefault("PYOPENCL_NO_CACHE", "1")
SIGNATURE = r"__kernel void {}_kernel\((.*?)\)"
NUMBERS = {"int": np.int32, "long": np.int64, "float": np.float32}


@cache
def context() -> cl.Context | None:
    """The first device of the first platform, None where there is no platform."""
    try:
        (platform, *_) = cl.get_platforms()
    except cl.LogicError:
        return None
    return cl.Context(platform.get_devices()[:1])


class Program:
    """The kernels of one source, and their calls on contiguous CPU tensors."""

    def __init__(self, source: GpuSource, text: str) -> None:
        self.source, self.text = source, text
        self.queue = cl.CommandQueue(context())
        self.built = cl.Program(context(), text).build(["-cl-opt-disable"])  # 0.2 s instead of 3 s

    def launch(
        self, name: str, grid: tuple[int, ...], items: int, given: Mapping[str, Any]
    ) -> None:
        """One kernel, its arguments by name; what it writes is copied back."""
        (declared,) = set(re.findall(SIGNATURE.format(name), self.text))
        arguments, buffers = [], {}
        for argument in declared.split(", "):
            *kind, label = argument.split()
            label = label.removesuffix("_ptr")
            value = given[label]
            if isinstance(value, Tensor):
                flags = cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR
                buffers[label] = cl.Buffer(context(), flags, hostbuf=value.numpy())
                arguments.append(buffers[label])
            else:
                arguments.append(NUMBERS[kind[-1]](value))
        size = (grid[0] * items, *grid[1:])
        cl.Kernel(self.built, f"{name}_kernel")(self.queue, size, (items, 1, 1), *arguments)
        for label, buffer in buffers.items():
            cl.enqueue_copy(self.queue, given[label].numpy(), buffer)
        self.queue.finish()

    def __call__(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        scale: float | None = None,
        q_start: int | None = None,
        **inputs: Any,
    ) -> tuple[Tensor, Tensor]:
        """`out` [B, H, Nq, Dv] and `lse` [B, H, Nq]; each element is written, or stays NaN."""
        source = self.source
        (batch, heads, q_len, width), (kv_heads, k_len, value_dim) = q.shape, v.shape[1:]
        out = torch.full((batch, heads, q_len, value_dim), float("nan"))
        lse = torch.full((batch, heads, q_len), float("nan"))
        given = {
            "q_rows": q.contiguous(), "k_rows": k.contiguous(), "v_rows": v.contiguous(),
            "out": out, "lse": lse, "batch": batch, "heads": heads, "group": heads // kv_heads,
            "q_start": k_len - q_len if q_start is None else q_start,
            "q_len": q_len, "k_len": k_len, "scale": width**-0.5 if scale is None else scale,
        }  # fmt: skip
        for name, x in inputs.items():
            number = isinstance(x, Tensor) and name not in source.axes
            given[f"in_{name}"] = x.item() if number else x
            if isinstance(x, Tensor) and not number:
                x = x.contiguous()
                given[f"in_{name}"] = x.to(torch.float32 if x.is_floating_point() else torch.int32)
                axes = source.axes[name]
                batched = x.dim() == len(axes)
                strides = x.stride() if batched else (0, *x.stride())
                given |= {f"{name}_s{axis}": s for axis, s in zip(axes, strides, strict=True)}
        tiles = -(-q_len // source.layout.rows)
        if source.tables:
            lists = (batch if source.by_batch else 1, heads if source.by_head else 1)
            columns = max(1, -(-k_len // source.layout.keys))
            for table in source.tables:
                given[f"{table}_num_blocks"] = torch.zeros(*lists, tiles, dtype=torch.int32)
                given[f"{table}_indices"] = torch.zeros(*lists, tiles, columns, dtype=torch.int32)
            given["plan_sb"] = tiles * lists[1] if source.by_batch else 0
            given["plan_sh"] = tiles if source.by_head else 0
            given["plan_columns"] = columns
            self.launch("plan", (tiles, lists[1], lists[0]), 1, given)
        self.launch("attention", (tiles, heads, batch), source.items, given)
        return out, lse
