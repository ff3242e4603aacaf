"""The operator that a user holds: it specialises itself at the first call of each kind."""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import DtypeMismatch, InvalidValue, NotBuiltForTarget
from attnc.dsl.program import Bound
from attnc.runtime import backward, kernels, ops
from attnc.runtime.arguments import prepare
from attnc.runtime.call import Call, bind_call, check_types, heads_first
from attnc.runtime.cpus import machine_of
from attnc.runtime.few import MANY, Rows, Tiles
from attnc.runtime.inputs import check_gradients, computed_in, dtype_name, split_inputs
from attnc.runtime.launch import launch
from attnc.runtime.lower import needs_heads
from attnc.runtime.options import Options, check_options, check_tables
from attnc.runtime.sink import add_sink


@dataclass
class SpecRunner:
    """Runs one bound spec; holds the kernels of each specialisation. Safe in several threads.

    `only` is the one specialisation of an artifact, with its kernel.
    """

    bound: Bound
    options: Options
    only: tuple[Sizes, kernels.LoadedKernel] | None = None
    loaded: dict[tuple[Sizes, tuple[str, ...] | None], kernels.LoadedKernel] = field(
        default_factory=dict
    )
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def compilations(self) -> int:
        """The number of kernels made or fetched so far."""
        return len(self.loaded)

    @cached_property
    def needs_heads(self) -> bool:
        """Whether kernels are specialised on the head counts."""
        return needs_heads(self.bound)

    @cached_property
    def tiles(self) -> Tiles:
        """The choice of the rows of a query tile; an artifact has one kernel."""
        only = self.only and Rows(self.only[0].rows, self.only[0].packed)
        return Tiles(self.bound, machine_of(self.options.target), only)

    def run(self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords) -> tuple[Tensor, Tensor]:
        """Outputs in q's dtype and layout, and lse in the dtype of the arithmetic."""
        if q.device.type != "cpu":
            raise NotBuiltForTarget(f"running on a {q.device.type} tensor", "cpu")
        call = self.bind(q, k, v, keywords)
        check_options(self.options, call)
        check_tables(self.bound, call)
        out, lse = self.empty(q, v)
        if call.empty:
            return out.zero_(), lse.fill_(-torch.inf)
        outputs = heads_first("out", out, self.options.layout, call.packed)
        arguments = prepare(call, outputs, lse.unsqueeze(0) if lse.dim() == 2 else lse)
        launch(self.kernel(self.sizes(call, self.tiles.rows(call))), arguments)
        return out, lse

    def backward(
        self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords, given: ops.Upstream
    ) -> ops.Gradients:
        """The gradients of q, k and v in their dtype, and of the inputs asked for."""
        if self.only is not None:
            raise NotBuiltForTarget("the backward pass of an artifact", "cpu")
        call = self.bind(q, k, v, keywords)
        names = tuple(sorted(given.wanted))
        if call.empty:
            zeros = [torch.zeros_like(x) for x in (q, k, v)]
            inputs = [torch.zeros_like(keywords.inputs[name]) for name in given.wanted]
            return ops.Gradients(zeros[0], zeros[1], zeros[2], inputs)
        real = computed_in(call.q.dtype)
        kernel = self.kernel(replace(self.sizes(call), dtype=dtype_name(real)), names)
        found = backward.run(self.bound, kernel, call, given, self.options.layout)
        first = [
            backward.as_given(x, like, self.options.layout)
            for x, like in ((found.q, q), (found.k, k), (found.v, v))
        ]
        inputs = [
            found.inputs[name].reshape(x.shape).to(x.dtype)
            for name, x in ((name, keywords.inputs[name]) for name in given.wanted)
        ]
        return ops.Gradients(first[0], first[1], first[2], inputs)

    def bind(self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords) -> Call:
        """The checked call."""
        return bind_call(
            self.bound,
            q,
            k,
            v,
            layout=self.options.layout,
            scale=keywords.scale,
            q_start=keywords.q_start,
            k_start=keywords.k_start,
            cu_seqlens=keywords.cu_seqlens,
            kv_len=keywords.kv_len,
            grid=keywords.grid,
            inputs=keywords.inputs,
        )

    def empty(self, q: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Uninitialised outputs: q's shape with v's columns, and lse [..., H, Nq]."""
        out = q.new_empty((*q.shape[:-1], v.shape[-1]))
        swapped = self.options.layout == "bshd" or q.dim() == 3
        rows = q.transpose(-3, -2) if swapped else q
        return out, q.new_empty(rows.shape[:-1], dtype=computed_in(q.dtype))

    def sizes(self, call: Call, few: Rows = MANY) -> Sizes:
        """What this call's kernel is specialised on; head counts only where the spec asks."""
        heads, kv_heads = call.q.shape[1], call.k.shape[1]
        return Sizes(
            heads=heads if self.needs_heads else 0,
            kv_heads=kv_heads if self.needs_heads else 0,
            head_dim=call.q.shape[3],
            value_dim=call.v.shape[3],
            cropped=any(row.k_start for row in call.rows),
            dtype=dtype_name(call.q.dtype),
            rows=few.rows,
            packed=few.packed,
        )

    def kernel(
        self, sizes: Sizes, gradients: tuple[str, ...] | None = None
    ) -> kernels.LoadedKernel:
        """The kernel of a specialisation (with `gradients`, of its backward pass), made once."""
        if self.only is not None:
            own, kernel = self.only
            if sizes != own:
                raise NotBuiltForTarget(f"a call with {sizes} in an artifact of {own}", "cpu")
            return kernel
        with self.lock:
            key = (sizes, gradients)
            if key not in self.loaded:
                texts = kernels.files(self.bound, sizes, gradients, self.options.target)
                self.loaded[key] = kernels.from_files(texts)
            return self.loaded[key]


@dataclass(frozen=True, slots=True)
class Artifact:
    """Where an operator was loaded from, its one specialisation, and how to load it again."""

    folder: str
    only: tuple[Sizes, kernels.LoadedKernel]
    load: Callable[[str], "Operator"]


class Operator:
    """A compiled attention: `op(q, k, v, ...)`.

    q [B, Hq, Nq, D], k [B, Hkv, Nk, D], v [B, Hkv, Nk, Dv] give [B, Hq, Nq, Dv] in q's dtype
    (float32, float64, bfloat16 or float16); with `layout="bshd"` the second and third axes are
    swapped. Any strides whose last is 1; any ratio Hq / Hkv.
    """

    def __init__(self, bound: Bound, options: Options, artifact: "Artifact | None" = None) -> None:
        self.bound, self.options, self.artifact = bound, options, artifact
        self._key = _key(bound, options, artifact.folder if artifact else "")
        only = artifact.only if artifact else None
        self._runner = ops.register(self._key, lambda: SpecRunner(bound, options, only))

    def __call__(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        *,
        scale: float | None = None,
        return_lse: bool = False,
        grid: tuple[int, ...] | None = None,
        q_start: int | Tensor | None = None,
        k_start: int | Tensor = 0,
        cu_seqlens: Tensor | None = None,
        kv_len: Tensor | None = None,
        **inputs: Any,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The outputs; with `return_lse` also lse, natural log, [B, Hq, Nq] in float32 or float64.

        `scale` defaults to 1/sqrt(D). Query row i has position q_start + i (default
        k_start + Nk - Nq), key row j k_start + j; both are ints or int32 [B]. `kv_len`, int32 [B],
        cuts the keys of each entry. `grid` are the extents of a grid's axes, whose points are the
        tokens in row-major order. `cu_seqlens`, int32 [S + 1], packs sequences: [total, H, D].
        Inputs of the spec are keywords. Under autocast q, k and v take its dtype, as in PyTorch's
        own attention.
        """
        check_types(q=q, k=k, v=v, cu_seqlens=cu_seqlens, kv_len=kv_len)
        if isinstance(scale, str | bool | Sequence):
            raise DtypeMismatch("scale", "a number", type(scale).__name__)
        tensors, numbers = split_inputs(self.bound, inputs)
        check_gradients(self.bound, tensors)
        if q.device.type != "meta" and torch.is_autocast_enabled(q.device.type):
            q, k, v = (x.to(torch.get_autocast_dtype(q.device.type)) for x in (q, k, v))
        out, lse = ops.attention(
            self._key,
            q,
            k,
            v,
            list(tensors),
            list(tensors.values()),
            list(numbers),
            list(numbers.values()),
            scale,
            _starts("q_start", q_start),
            None if isinstance(k_start, int) and k_start == 0 else _starts("k_start", k_start),
            cu_seqlens,
            kv_len,
            _extents(grid),
        )
        if self.bound.sink is not None:
            kv_heads = k.shape[1 if k.dim() == 4 and self.options.layout == "bhsd" else -2]
            inputs, layout = tensors | numbers, self.options.layout
            out, lse = add_sink(self.bound, out, lse, kv_heads, inputs, layout)
        return (out, lse) if return_lse else out

    @property
    def compilations(self) -> int:
        """How many kernels this spec has loaded in this process: one for each specialisation."""
        return self._runner.compilations

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The spec's parameters and their values."""
        return self.bound.values

    def __reduce__(self) -> tuple[Any, ...]:
        if self.artifact is not None:
            return self.artifact.load, (self.artifact.folder,)
        return type(self), (self.bound, self.options)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Operator":
        return self

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.bound.values.items())
        return f"<attnc operator {self.bound.name}({values})>"


def _extents(grid: Sequence[int] | None) -> list[int] | None:
    if grid is None:
        return None
    if not isinstance(grid, Sequence) or not all(isinstance(n, int | torch.SymInt) for n in grid):
        raise InvalidValue("grid", "an int for each axis", f"{grid!r:.60}")
    return list(grid)


def _starts(name: str, value: int | Tensor | None) -> Tensor | None:
    if value is None or isinstance(value, Tensor):
        return value
    if not isinstance(value, int | torch.SymInt):
        raise DtypeMismatch(name, "an int or an int32 tensor", type(value).__name__)
    return torch.full((1,), value, dtype=torch.int64)


def _key(bound: Bound, options: Options, folder: str) -> str:
    program = bound.program
    parts = (repr(program.attention), sorted(map(repr, program.masks.values())))
    text = repr((parts, sorted(bound.values.items()), options, folder))
    return f"{bound.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
