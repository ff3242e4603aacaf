"""Runs one bound spec: the checked call, the kernel that it needs, its outputs."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from attnc.compiler.elaborate import Sizes
from attnc.compiler.listed import tests
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.program import Bound
from attnc.dsl.syntax import Member
from attnc.runtime import ops
from attnc.runtime.artifacts.library import Library
from attnc.runtime.calls.call import Call, as_given, heads_first
from attnc.runtime.calls.inputs import computed_in, dtype_name
from attnc.runtime.calls.lists import with_sets
from attnc.runtime.calls.options import Options, check_options, check_tables
from attnc.runtime.cpu import backward, kernels
from attnc.runtime.cpu.arguments import prepare
from attnc.runtime.cpu.cpus import machine_of
from attnc.runtime.cpu.few import MANY, Rows, Tiles
from attnc.runtime.cpu.launch import launch, planned
from attnc.runtime.cpu.lower import needs_heads
from attnc.runtime.cpu.pages import large_pages
from attnc.runtime.cpu.repeats import Ready
from attnc.runtime.gpu.targets import FAMILIES


@dataclass
class SpecRunner:
    """Runs one bound spec; holds the kernels of each specialisation. Safe in several threads.

    `library` holds the kernels of an artifact, beside which nothing is compiled.
    """

    bound: Bound
    options: Options
    library: Library | None = None
    loaded: dict[tuple[Sizes, tuple[str, ...] | None], kernels.LoadedKernel] = field(
        default_factory=dict
    )
    asked: dict[tuple[int, int], Mapping[str, Member]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    adds_sink: bool = False

    @property
    def compilations(self) -> int:
        """The number of kernels made or fetched so far: none of an artifact."""
        return 0 if self.library else len(self.loaded)

    @cached_property
    def needs_heads(self) -> bool:
        """Whether kernels are specialised on the head counts."""
        return needs_heads(self.bound)

    @cached_property
    def tiles(self) -> Tiles:
        """The choice of the rows of a query tile."""
        held = self.library.few(self.bound) if self.library else None
        return Tiles(self.bound, machine_of(self.options.target), held)

    def run(self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords) -> tuple[Tensor, Tensor]:
        """Outputs in q's dtype and layout, and lse in the dtype of the arithmetic."""
        if q.device.type != "cpu":
            raise NotBuiltForTarget(f"a tensor on `{q.device}`", "cpu", FAMILIES)
        call = self._checked(q, k, v, keywords)
        out, lse = self.empty(q, v)
        if call.empty:
            return out.zero_(), lse.fill_(-torch.inf)
        outputs = heads_first("out", out, self.options.layout, call.packed)
        arguments = prepare(call, outputs, lse.unsqueeze(0) if lse.dim() == 2 else lse)
        launch(self.kernel(self.sizes(call, self.tiles.rows(call))), arguments)
        return out, lse

    def ready(self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords) -> Ready | None:
        """A checked call of CPU tensors without inputs but for what they hold; None if empty."""
        call = self._checked(q, k, v, keywords)
        if call.empty:
            return None
        kernel = self.kernel(self.sizes(call, self.tiles.rows(call)))
        swapped = self.options.layout == "bshd"
        shapes = (*q.shape[:-1], v.shape[-1]), tuple(call.q.shape[:3])
        return Ready(
            kernel, planned(kernel, call), call.scale, *shapes, computed_in(q.dtype), swapped
        )

    def _checked(self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords) -> Call:
        call = self.bind(q, k, v, keywords)
        check_options(self.options, call)
        check_tables(self.bound, call)
        return call

    def backward(
        self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords, given: ops.Upstream
    ) -> ops.Gradients:
        """The gradients of q, k and v in their dtype, and of the inputs asked for."""
        call = self.bind(q, k, v, keywords)
        return self.gradients(call, (q, k, v), keywords, given, self.sizes(call))

    def gradients(
        self,
        call: Call,
        operands: tuple[Tensor, Tensor, Tensor],
        keywords: ops.Keywords,
        given: ops.Upstream,
        sizes: Sizes,
        chosen: Tensor | None = None,
    ) -> ops.Gradients:
        """The same of a call that is bound; `chosen` are the units of a kernel of such `sizes`."""
        q, k, v = operands
        names = tuple(sorted(given.wanted))
        if call.empty:
            return ops.Gradients.zero(q, k, v, [keywords.inputs[name] for name in given.wanted])
        kernel = self.kernel(sizes, names)
        found = backward.run(self.bound, kernel, call, given, self.options.layout, chosen)
        d_q, d_k, d_v = (
            as_given(x, like, self.options.layout)
            for x, like in ((found.q, q), (found.k, k), (found.v, v))
        )
        inputs = [
            found.inputs[name].reshape(x.shape).to(x.dtype)
            for name, x in ((name, keywords.inputs[name]) for name in given.wanted)
        ]
        return ops.Gradients(d_q, d_k, d_v, inputs)

    def bind(self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords) -> Call:
        """The checked call."""
        call = keywords.bind(self.bound, q, k, v, self.options.layout, keywords.inputs)
        return with_sets(self.bound, call, keywords.inputs, self._tests(call))

    def _tests(self, call: Call) -> Mapping[str, Member]:
        """The tests of run-time sets, which may depend on the head counts, made once."""
        heads = call.q.shape[1], call.k.shape[1]
        if heads not in self.asked:
            self.asked[heads] = tests(self.bound, *heads)
        return self.asked[heads]

    def empty(self, q: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Uninitialised outputs: q's shape with v's columns, and lse [..., H, Nq]."""
        out = large_pages(q.new_empty((*q.shape[:-1], v.shape[-1])))
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
        with self.lock:
            key = (sizes, gradients)
            if key not in self.loaded:
                self.loaded[key] = self._fetched(sizes, gradients)
            return self.loaded[key]

    def _fetched(self, sizes: Sizes, gradients: tuple[str, ...] | None) -> kernels.LoadedKernel:
        if self.library is not None:
            return self.library.kernel(self.bound, sizes, gradients)
        texts = kernels.files(self.bound, sizes, gradients, self.options.target)
        return kernels.from_files(texts)
