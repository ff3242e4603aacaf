"""Runs a routed spec whose index lists are among the inputs of the call."""

from dataclasses import replace
from functools import cached_property

from torch import Tensor

from attnc.dsl.errors import NotBuiltForTarget
from attnc.runtime import ops
from attnc.runtime.call import Call, heads_first
from attnc.runtime.inputs import computed_in, dtype_name
from attnc.runtime.route_lists import of_queries, split_lists
from attnc.runtime.routes.units import splits, units_only, without_units
from attnc.runtime.runner import SpecRunner
from attnc.runtime.units import add_units


class RoutedRunner(SpecRunner):
    """The kernels of one routed spec; what is shared with plain specs is inherited."""

    @cached_property
    def before(self) -> SpecRunner:
        """The attention without the units that its route chose."""
        return SpecRunner(without_units(self.bound), replace(self.options, dtype=None))

    @cached_property
    def units(self) -> SpecRunner:
        """What the chosen units add."""
        return SpecRunner(units_only(self.bound), replace(self.options, dtype=None))

    def run(self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords) -> tuple[Tensor, Tensor]:
        """Outputs in q's dtype and layout, and lse in the dtype of the arithmetic."""
        lists, inputs = split_lists(self.bound, keywords.inputs)
        keywords, real = replace(keywords, inputs=inputs), computed_in(q.dtype)
        given, (q, k, v) = q.dtype, (x.to(real) for x in (q, k, v))
        call = self.bind(q, k, v, keywords)
        if not splits(self.bound) or any(row.k_start for row in call.rows):
            raise NotBuiltForTarget("a call of this form of a route", "cpu")
        out, lse = self.before.run(q, k, v, keywords)
        self._add_units(call, lists, out, lse)
        return out.to(given), lse

    def _add_units(self, call: Call, lists: dict[str, Tensor], out: Tensor, lse: Tensor) -> None:
        """Adds the chosen units to what is there, in place."""
        (route,) = self.bound.routes
        if call.empty or not lists[route.name].shape[-1]:
            return
        sizes = replace(self.units.sizes(call), unit=route.size, dtype=dtype_name(call.q.dtype))
        chosen = of_queries(route, call, lists[route.name]).int()
        outputs = heads_first("out", out, self.options.layout, call.packed)
        sums = lse.unsqueeze(0) if lse.dim() == 2 else lse
        add_units(self.units.kernel(sizes), call, chosen, outputs, sums)
