"""The kernels that choose units take those that the general way takes."""

import pytest
import torch

from attnc.dsl.branch import parts
from attnc.dsl.loader import load
from attnc.dsl.route_sets import as_sets
from attnc.runtime.calls.call import bind_call
from attnc.runtime.cpu.choices import best_keys
from attnc.runtime.routes import fused, fused_masses
from attnc.runtime.routes.candidates import Candidates, candidates
from attnc.runtime.routes.frame import frame
from attnc.runtime.routes.fused import ranges
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


@pytest.mark.parametrize(("spec", "q_len"), [("moba", 300), ("moba", 263), ("lserve", 300)])
def test_ranges_of_blocks_of_queries(
    spec: str, q_len: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = load(f"route/{spec}").bind()
    q, k, v = qkv(300, heads=2, kv_heads=1, dim=8)
    call = bind_call(bound, q[:, :, 300 - q_len :], k, v)
    [route] = bound.routes
    allowed = candidates(frame(as_sets(bound), route, call, 0, {}))
    found = allowed.alike()
    assert (found is None) == (spec == "lserve")  # the window's border lies within blocks
    first, end = ranges(allowed) or (None, None)
    monkeypatch.setattr(Candidates, "alike", lambda _: None)
    each_first, each_end = ranges(allowed) or (None, None)
    some = each_first < each_end
    assert torch.equal(first < end, some)
    assert torch.equal(first[some], each_first[some]) and torch.equal(end[some], each_end[some])
    assert len(first) == q_len
