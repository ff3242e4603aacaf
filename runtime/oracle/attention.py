"""`reference`: a spec as a dense, differentiable function in float64."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.diagnostics import listing
from attnc.dsl.errors import InvalidValue
from attnc.dsl.loader import load
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Call, bind_call
from attnc.runtime.calls.route_lists import check_lists, joined, split_lists
from attnc.runtime.calls.sets import padded_sets
from attnc.runtime.oracle.branches import composed
from attnc.runtime.oracle.sequence import sequence

LAYOUTS = ("bhsd", "bshd")


def reference(
    spec: str | os.PathLike[str], *, layout: str = "bhsd", **parameters: Any
) -> "Reference":
    """The oracle of a spec for its parameters: called as the compiled operator is.

    Raises `AttnError`: a mistake in the spec or its parameters, an unknown layout.
    """
    if layout not in LAYOUTS:
        raise InvalidValue("layout", listing(LAYOUTS), str(layout))
    bound = load(spec).bind(**parameters)
    return Reference(bound, layout)


@dataclass(frozen=True, slots=True)
class Reference:
    """A dense attention in float64, differentiable in q, k, v and the float inputs."""

    bound: Bound
    layout: str = "bhsd"

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
        """The outputs; with `return_lse` also lse, natural log. Both are float64.

        With `return_routes` also what each route of the spec chose, by name: int32 lists
        [B, Hc, Nc, n], ascending, padded with -1. Such lists, given under the name of the route,
        are taken in place of a choice.

        q [B, Hq, Nq, D], k [B, Hkv, Nk, D], v [B, Hkv, Nk, Dv] give [B, Hq, Nq, Dv] and lse
        [B, Hq, Nq]; packed [total, H, D] gives [total, Hq, Dv] and lse [Hq, total]. Raises
        `AttnError` for arguments that do not fit the spec or each other.
        """
        lists, inputs = split_lists(self.bound, inputs)
        inputs = padded_sets(self.bound, inputs)
        call = bind_call(
            self.bound,
            q,
            k,
            v,
            layout=self.layout,
            scale=scale,
            q_start=q_start,
            k_start=k_start,
            cu_seqlens=cu_seqlens,
            kv_len=kv_len,
            grid=grid,
            inputs=inputs,
        )
        check_lists(self.bound, call, lists)
        out, lse, chosen = _attend(self.bound, call, inputs, lists)
        if call.packed and q.dim() == 3:
            out, lse = out[0].transpose(0, 1), lse[0]
        elif self.layout == "bshd":
            out = out.transpose(1, 2)
        more = [lse] * return_lse + [chosen] * return_routes
        return (out, *more) if more else out


def _attend(
    bound: Bound, call: Call, inputs: dict[str, Any], lists: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Outputs [B, H, Nq, Dv], lse [B, H, Nq] and the routes, a sequence at a time."""
    one = composed if bound.composite else sequence
    found = [one(bound, call, index, inputs, lists) for index in range(len(call.rows))]
    if not found:
        rows = call.q.double().sum(-1)  # no sequence, hence no row
        return rows[..., None].expand(*rows.shape, call.v.shape[3]), rows, {}
    outs, lses, routes = zip(*found, strict=True)
    chosen = {n: joined([x[n] for x in routes], call.packed) for n in routes[0]}
    if call.packed:
        return torch.cat(outs, 1).unsqueeze(0), torch.cat(lses, 1).unsqueeze(0), chosen
    return torch.stack(outs), torch.stack(lses), chosen
