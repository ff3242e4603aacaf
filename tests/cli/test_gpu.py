"""The commands for GPU targets, on a machine that has none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import attnc as package
from attnc.dsl.errors import NotBuiltForTarget
from attnc.runtime.gpu import search

pytest.importorskip("triton")
SMALL = ("line/causal", "--target", "cuda:sm_90", "--head-dim", 16)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture
def gpu(attnc: Callable, kept: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """The command line, with few candidates, whose reports all tests here share."""
    monkeypatch.setenv("ATTNC_CACHE_DIR", str(kept))
    monkeypatch.setattr(search, "BATCH", 2)
    return attnc


def test_analyze_static(gpu: Callable) -> None:
    data: dict[str, Any] = gpu("analyze", *SMALL, "--static", "--json").json
    assert data["resources"]["registers"] > 0 and data["resources"]["spills"] == 0
    assert data["occupancy"]["blocks"] >= 1 and data["clocks_per_pair"] > 0
    assert {loop["tile_class"] for loop in data["loops"]} == {"full", "partial"}
    for loop in data["loops"]:
        assert loop["per_element"] > 5 and loop["counts"]["mma"] > 0 and 0 < loop["mma_share"] <= 1
    assert len(data["tried"]) == 2 and data["dtype"] == "bfloat16" and data["seq"] == 4096
    found = package.analyze_static("line/causal", target="cuda:sm_90", head_dim=16)
    assert found.to_dict()["loops"] == data["loops"] and found.tile == tuple(data["tile"])
    text = gpu("analyze", *SMALL, "--static").out
    assert "a thread, no spills" in text
    assert "chosen" in text and "bound by" in text


def test_emit_the_stages_of_a_gpu(gpu: Callable) -> None:
    tile = gpu("analyze", *SMALL, "--static", "--json").json["tile"]
    text = gpu("emit", *SMALL).out
    assert f"BLOCK_M = {tile[0]} " in text and "@triton.jit" in text
    ptx = gpu("emit", *SMALL, "--stage", "ptx").out
    assert ptx.startswith("// forward, ") and ".target sm_90a" in ptx


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("line/causal", "--target", "cuda:sm_91", "--static"), "cuda:sm_90, cuda:sm_100"),
        (("grid/natten2d", "--target", "cuda:sm_90", "--static"), "a pattern on a grid"),
        (("line/longlora", "--target", "cuda:sm_90", "--static"), "pass --heads"),
        (("line/causal", "--static"), "--target cuda:sm_80"),
        (("line/causal", "--target", "cuda:sm_90", "--seq", 64), "add --static"),
        (("line/causal", "--target", "cuda:sm_90", "--dtype", "fp64", "--static"), "float64"),
    ],
)
def test_analyze_refuses(gpu: Callable, arguments: tuple[object, ...], said: str) -> None:
    found = gpu("analyze", *arguments)
    assert (found.status, found.out) == (2, "") and said in found.err


def test_emit_refuses(gpu: Callable) -> None:
    found = gpu("emit", "line/causal", "--target", "cuda:sm_90", "--backward")
    assert found.status == 2 and "gradients" in found.err
    with pytest.raises(NotBuiltForTarget, match="abacus"):
        package.analyze_static("line/causal", target="abacus")
