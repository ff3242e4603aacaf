"""The kernel that chooses units takes those that the general way takes."""

import pytest
import torch

import attnc
from attnc.runtime.routes import fused
from tests.runtime.tolerance import qkv

SPECS = ("route/moba", "route/infllm_v2", "route/landmark")


@pytest.mark.parametrize("spec", SPECS)
def test_same_lists(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op = attnc.compile(spec)
    q, k, v = qkv(1100, heads=4, kv_heads=2, dim=32)
    inputs = {}
    if "landmark" in op.bound.inputs:
        inputs["landmark"] = torch.randn(2, 1100, 32)
    calls = []
    best_keys = fused.best_keys
    monkeypatch.setattr(fused, "best_keys", lambda *given: calls.append(1) or best_keys(*given))
    _, general = op(q, k, v, return_routes=True, **inputs)
    assert not calls
    monkeypatch.setattr(fused, "FEWEST", 0)
    _, found = op(q, k, v, return_routes=True, **inputs)
    assert general.keys() == found.keys()
    if spec == "route/moba":
        assert calls
    for name, lists in general.items():
        assert torch.equal(found[name].sort(-1).values, lists.sort(-1).values)
