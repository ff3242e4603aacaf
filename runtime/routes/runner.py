"""Runs a routed spec: index lists are among the inputs of the call, or are chosen by it."""

from dataclasses import replace
from functools import cached_property

from torch import Tensor

from attnc.dsl.route_sets import as_sets
from attnc.runtime import ops
from attnc.runtime.calls.call import Call, heads_first
from attnc.runtime.calls.route_lists import split_lists
from attnc.runtime.cpu.few import MOST_QUERIES
from attnc.runtime.cpu.runner import SpecRunner
from attnc.runtime.cpu.units import add_units
from attnc.runtime.routes.select import select
from attnc.runtime.routes.set_lists import of_queries, of_sets
from attnc.runtime.routes.units import splits, units_only, without_units


class RoutedRunner(SpecRunner):
    """The kernels of one routed spec.

    The routes are run-time sets of a plain spec, whose kernels serve every call. Where queries
    choose blocks one by one, kernels that gather the queries of each block do less.
    """

    @cached_property
    def plain(self) -> SpecRunner:
        """The attention with its routes as run-time sets."""
        return SpecRunner(as_sets(self.bound), self.options)

    @cached_property
    def before(self) -> SpecRunner:
        """The attention without the units that its route chose."""
        return SpecRunner(without_units(self.bound), self.options)

    @cached_property
    def units(self) -> SpecRunner:
        """What the chosen units add."""
        return SpecRunner(units_only(self.bound), self.options)

    @property
    def compilations(self) -> int:
        """The number of kernels made or fetched so far."""
        return sum(one.compilations for one in (self.plain, self.before, self.units))

    def run(self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords) -> tuple[Tensor, Tensor]:
        """Outputs in q's dtype and layout, and lse in the dtype of the arithmetic."""
        call, own, lists = self.choices(q, k, v, keywords)
        if not (splits(self.bound) and gathers(call)):
            return self.plain.run(q, k, v, self.with_sets(call, own, lists))
        out, lse = self.before.run(q, k, v, own)
        self._add_units(call, lists, out, lse)
        return out, lse

    def backward(
        self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords, given: ops.Upstream
    ) -> ops.Gradients:
        """The gradients through the chosen keys; a choice itself has none."""
        call, own, lists = self.choices(q, k, v, keywords)
        if not (splits(self.bound) and gathers(call)):
            return self.plain.backward(q, k, v, self.with_sets(call, own, lists), given)
        found = self.before.backward(q, k, v, own, given)
        (route,) = self.bound.routes
        if not call.empty and lists[route.name].shape[-1]:
            sizes = replace(self.units.sizes(call), unit=route.size)
            chosen = of_queries(route, call, lists[route.name]).int()
            more = self.units.gradients(call, (q, k, v), own, given, sizes, chosen)
            for x, y in ((found.q, more.q), (found.k, more.k), (found.v, more.v)):
                x.add_(y)
            sums = [x + y for x, y in zip(found.inputs, more.inputs, strict=True)]
            return replace(found, inputs=sums)
        return found

    def choices(
        self, q: Tensor, k: Tensor, v: Tensor, keywords: ops.Keywords
    ) -> tuple[Call, ops.Keywords, dict[str, Tensor]]:
        """The call, its keywords without lists, and the lists; routes without one choose now."""
        lists, inputs = split_lists(self.bound, keywords.inputs)
        own = replace(keywords, inputs=inputs)
        call = self.bind(q, k, v, own)
        if len(lists) < len(self.bound.routes):
            lists = select(self.bound, call, own.inputs, lists)
        return call, own, lists

    def with_sets(self, call: Call, own: ops.Keywords, lists: dict[str, Tensor]) -> ops.Keywords:
        """The keywords with the lists of the run-time sets among the inputs."""
        sets = of_sets(self.bound, call, lists)
        return replace(own, inputs={**own.inputs, **sets})

    def _add_units(self, call: Call, lists: dict[str, Tensor], out: Tensor, lse: Tensor) -> None:
        """Adds the chosen units to what is there, in place."""
        (route,) = self.bound.routes
        if call.empty or not lists[route.name].shape[-1]:
            return
        sizes = replace(self.units.sizes(call), unit=route.size)
        chosen = of_queries(route, call, lists[route.name]).int()
        outputs = heads_first("out", out, self.options.layout, call.packed)
        sums = lse.unsqueeze(0) if lse.dim() == 2 else lse
        add_units(self.units.kernel(sizes), call, chosen, outputs, sums)


def gathers(call: Call) -> bool:
    """Whether the kernels that gather queries can take a call, which has many queries."""
    wide = call.q.dtype.itemsize > 2
    many = max((row.q_len for row in call.rows), default=0) > MOST_QUERIES
    return wide and many and not any(row.k_start for row in call.rows)
