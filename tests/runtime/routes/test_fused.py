"""The kernels that choose units take those that the general way takes."""

import pytest
import torch

from attnc.dsl.branch import parts
from attnc.dsl.loader import load
from attnc.runtime.call import bind_call
from attnc.runtime.choices import best_keys
from attnc.runtime.routes import fused, fused_masses
from attnc.runtime.routes.select import select
from tests.runtime.tolerance import qkv

FUSED = {"route/moba": True, "route/infllm_v2": False, "route/landmark": False, "route/nsa": True}


@pytest.mark.parametrize("spec", FUSED)
def test_same_lists(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = next(one.bound for one in parts(load(spec).bind()) if one.bound.routes)
    q, k, v = qkv(1100, heads=4, kv_heads=2, dim=32)
    inputs = {}
    if "landmark" in bound.inputs:
        inputs["landmark"] = torch.randn(2, 1100, 32)
    call = bind_call(bound, q, k, v, inputs=inputs)
    calls = []
    for module in (fused, fused_masses):
        monkeypatch.setattr(module, "best_keys", lambda *x: calls.append(1) or best_keys(*x))
    general = select(bound, call, inputs, {})
    assert not calls
    monkeypatch.setattr(fused, "FEWEST", 0)
    found = select(bound, call, inputs, {})
    assert general.keys() == found.keys()
    assert bool(calls) or not FUSED[spec]
    for name, lists in general.items():
        assert torch.equal(found[name].sort(-1).values, lists.sort(-1).values)
