"""Runs one bound spec on a GPU: what an operator of a GPU target calls."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter

import torch
from torch import Tensor

from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import InvalidValue, NotBuiltForTarget, NotInArtifact
from attnc.dsl.program import Bound
from attnc.dsl.route_sets import as_sets
from attnc.runtime import ops
from attnc.runtime.calls.call import Call, as_given
from attnc.runtime.calls.inputs import dtype_name
from attnc.runtime.calls.options import Options, check_options, check_tables
from attnc.runtime.calls.route_lists import split_lists
from attnc.runtime.calls.row import Row
from attnc.runtime.cpu.few import MANY, Rows
from attnc.runtime.cpu.lower import needs_heads, sizes_for
from attnc.runtime.gpu.devices import current, interpreted, resolve
from attnc.runtime.gpu.few import few_rows
from attnc.runtime.gpu.launch import GpuKernel, chosen, with_gradients
from attnc.runtime.gpu.lower_triton import declared_grad
from attnc.runtime.gpu.sets import kernel_inputs

Differentiate = Callable[..., tuple[Tensor, ...]]


@dataclass
class GpuRunner:
    """Holds the kernels of each specialisation; `only` is that of an artifact."""

    bound: Bound
    options: Options
    only: tuple[Sizes, GpuKernel] | None = None
    loaded: dict[Sizes, GpuKernel] = field(default_factory=dict)
    backwards: dict[tuple[Sizes, tuple[str, ...]], Differentiate] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    adds_sink: bool = True

    @property
    def compilations(self) -> int:
        """The number of kernels made or fetched so far."""
        return len(self.loaded) + len(self.backwards)

    @cached_property
    def plain(self) -> Bound:
        """The spec with its routes as run-time sets."""
        return as_sets(self.bound)

    @cached_property
    def needs_heads(self) -> bool:
        """Whether kernels are specialised on the head counts."""
        return needs_heads(self.plain)

    def run(self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords) -> tuple[Tensor, Tensor]:
        """Outputs in q's dtype and layout, and lse in float32."""
        target = self._target(q)
        call = self._bind(q, k, v, keywords)
        _refuse_cropped(call, target)
        check_options(self.options, call)
        check_tables(self.bound, call)
        if call.empty:
            out, lse = self.empty(q, v)
            return out.zero_(), lse.fill_(-torch.inf)
        sizes = self._sizes(call, self._rows(call), not self._usual(call))
        kernel = self._kernel(sizes, target)
        places: dict[str, object] = {"grid": call.grid} if call.grid else {}
        if sizes.rows or sizes.sequences:
            places["rows"] = _table(call)
        inputs = kernel_inputs(self.bound, call, keywords.inputs)
        options = {"scale": call.scale, "return_lse": True, **places, **inputs}
        with current(q):
            out, lse = kernel.attention(call.q, call.k, call.v, **options)
        return as_given(out, q, self.options.layout), lse[0] if q.dim() == 3 else lse

    def backward(
        self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords, given: ops.Upstream
    ) -> ops.Gradients:
        """The gradients of q, k and v in their dtype, and of the inputs asked for."""
        target = self._target(q)
        call = self._bind(q, k, v, keywords)
        _refuse_cropped(call, target)
        if call.empty:
            return ops.Gradients.zero(q, k, v, [keywords.inputs[name] for name in given.wanted])
        sizes = self._sizes(call, sequences=not self._usual(call))
        gradients = self._gradients(sizes, target, tuple(given.wanted))
        out, d_out, lse = given.heads_first(call, self.options.layout)
        d_lse = 0.0 if given.d_lse is None else given.d_lse
        operands = call.q, call.k, call.v, out, lse, call.scale
        places: dict[str, object] = {"grid": call.grid} if call.grid else {}
        if sizes.sequences:
            places["rows"] = _table(call)
        own = kernel_inputs(self.bound, call, keywords.inputs)
        with current(q):
            found = gradients(d_out, d_lse, *operands, **own, **places)
        d_q, d_k, d_v = (
            as_given(x, like, self.options.layout)
            for x, like in zip(found[:3], (q, k, v), strict=True)
        )
        likes = [keywords.inputs[name] for name in given.wanted]
        inputs = [
            torch.as_tensor(x, device=like.device).reshape(like.shape).to(like.dtype)
            for x, like in zip(found[3:], likes, strict=True)
        ]
        return ops.Gradients(d_q, d_k, d_v, inputs)

    def empty(self, q: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Uninitialised outputs: heads first in memory, whatever the layout."""
        swapped = self.options.layout == "bshd" or q.dim() == 3
        rows = q.transpose(-3, -2) if swapped else q
        out = q.new_empty((*rows.shape[:-1], v.shape[-1]))
        lse = q.new_empty(rows.shape[:-1], dtype=torch.float32)
        return (out.transpose(-3, -2) if swapped else out), lse

    def _target(self, q: Tensor) -> str:
        """The architecture of the tensors' GPU, which has to be that of the operator."""
        known = ("cuda", "cpu") if interpreted() else ("cuda",)  # AMD's GPUs are cuda too
        if q.device.type not in known:
            found = f"a tensor on `{q.device}`"
            raise InvalidValue("q", f"a tensor on a GPU (target `{self.options.target}`)", found)
        return resolve(self.options.target, q.device)

    def _bind(self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords) -> Call:
        inputs = split_lists(self.bound, keywords.inputs)[1]
        return keywords.bind(self.bound, q, k, v, self.options.layout, inputs)

    def _usual(self, call: Call) -> bool:
        """Whether sequences lie where they do if a call says nothing."""
        queries, keys = call.q.shape[2], call.k.shape[2]
        usual = Row(0, 0, 0 if self.bound.cross else keys - queries, 0, queries, keys)
        return call.rows == [usual] * call.q.shape[0]

    def _rows(self, call: Call) -> Rows:
        """The rows of a tile if the call's queries are few; an artifact has one kernel."""
        if call.grid:
            return MANY
        if self.only is not None:
            return Rows(self.only[0].rows, self.only[0].packed)
        return few_rows(self.plain, call)

    def _sizes(self, call: Call, few: Rows = MANY, sequences: bool = False) -> Sizes:
        heads, kv_heads = call.q.shape[1], call.k.shape[1]
        found = sizes_for(
            self.plain,
            dtype=dtype_name(call.q.dtype),
            head_dim=call.q.shape[3],
            value_dim=call.v.shape[3],
            heads=heads if self.needs_heads else None,
            kv_heads=kv_heads if self.needs_heads else None,
        )
        many = not few.rows
        return replace(found, rows=few.rows, packed=few.packed, sequences=sequences and many)

    def _kernel(self, sizes: Sizes, target: str) -> GpuKernel:
        if self.only is not None:
            own, kernel = self.only
            if sizes != own:
                feature = f"a call with {sizes} in an artifact of {own}"
                raise NotBuiltForTarget(feature, target)
            return kernel
        with self.lock:
            if sizes not in self.loaded:
                self.loaded[sizes] = chosen(self.plain, sizes, target)
            return self.loaded[sizes]

    def _gradients(self, sizes: Sizes, target: str, wanted: tuple[str, ...]) -> Differentiate:
        if self.only is not None:
            return self._artifact_gradients(sizes, target, wanted)
        with self.lock:
            if (sizes, wanted) not in self.backwards:
                found = with_gradients(self.plain, sizes, target, wanted).gradients
                assert found is not None
                self.backwards[sizes, wanted] = found
            return self.backwards[sizes, wanted]

    def _artifact_gradients(
        self, sizes: Sizes, target: str, wanted: tuple[str, ...]
    ) -> Differentiate:
        """Those of an artifact, which gives the gradients of all inputs that have one."""
        kernel = self._kernel(sizes, target)
        found = kernel.gradients
        if found is None:
            folder = str(kernel.path.parent)
            raise NotInArtifact(folder, "kernel of the gradients", "without --forward-only")
        every = declared_grad(self.plain)
        places = [0, 1, 2, *(3 + every.index(name) for name in wanted)]
        return lambda *given, **named: itemgetter(*places)(found(*given, **named))


def _refuse_cropped(call: Call, target: str) -> None:
    """Keys that begin after position 0 have no kernel yet."""
    if any(row.k_start for row in call.rows):
        raise NotBuiltForTarget("`k_start` above 0", target, ("cpu",))


def _table(call: Call) -> Tensor:
    """What a kernel is told of each sequence, int32 [S, 5]."""
    found = [(r.q_row, r.k_row, r.q_start, r.q_len, r.k_len) for r in call.rows]
    return torch.tensor(found, dtype=torch.int32)
