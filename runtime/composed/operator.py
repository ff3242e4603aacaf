"""The operator of a spec with branches or an `output`: one operator for each attention in it."""

from typing import Any

import torch
from torch import Tensor

from attnc.dsl.branch import Part, parts
from attnc.dsl.program import Bound
from attnc.runtime.call import bind_call, check_types
from attnc.runtime.composed.attend import attend, refuse_lse
from attnc.runtime.inputs import check_gradients, split_inputs
from attnc.runtime.operator import Operator
from attnc.runtime.options import Options
from attnc.runtime.route_lists import split_lists
from attnc.runtime.sets import padded_sets


def operator(bound: Bound, options: Options) -> Operator:
    """The operator of any spec."""
    return ComposedOperator(bound, options) if bound.composite else Operator(bound, options)


class ComposedOperator(Operator):
    """A compiled attention of several steps, called as any operator is."""

    def __init__(self, bound: Bound, options: Options) -> None:
        self.bound, self.options, self.artifact = bound, options, None
        self.parts = {part.name: Operator(part.bound, options) for part in parts(bound)}

    def __call__(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        *,
        scale: float | None = None,
        return_lse: bool = False,
        return_routes: bool = False,
        grid: tuple[int, ...] | None = None,
        q_start: int | Tensor | None = None,
        k_start: int | Tensor = 0,
        cu_seqlens: Tensor | None = None,
        kv_len: Tensor | None = None,
        **inputs: Any,
    ) -> Any:
        """The outputs, as `Operator` gives them; those of a sum of branches have no lse."""
        check_types(q=q, k=k, v=v, cu_seqlens=cu_seqlens, kv_len=kv_len)
        if return_lse:
            refuse_lse(self.bound)
        lists, rest = split_lists(self.bound, inputs)
        tensors, numbers = split_inputs(self.bound, padded_sets(self.bound, rest))
        check_gradients(self.bound, tensors)
        if q.device.type != "meta" and torch.is_autocast_enabled(q.device.type):
            q, k, v = (x.to(torch.get_autocast_dtype(q.device.type)) for x in (q, k, v))
        where: dict[str, Any] = {"q_start": q_start, "k_start": k_start, "kv_len": kv_len}
        where |= {"cu_seqlens": cu_seqlens, "scale": scale, "grid": grid}
        layout, given = self.options.layout, tensors | numbers
        bind_call(self.bound, q, k, v, layout=layout, inputs=given, **where)
        out, lse, routes = attend(
            self.bound, (q, k, v), where, given | lists, layout, self._run_part
        )
        more = [lse] * return_lse + [routes] * return_routes
        return (out, *more) if more else out

    def _run_part(
        self, part: Part, q: Tensor, k: Tensor, v: Tensor, where: Any, inputs: Any
    ) -> Any:
        """One attention of the spec."""
        own = self.parts[part.name]
        return own(q, k, v, return_lse=True, return_routes=True, **where, **inputs)

    @property
    def compilations(self) -> int:
        """How many kernels the attentions of this spec have loaded in this process."""
        return sum(own.compilations for own in self.parts.values())
