"""The commands for GPU targets, on a machine that has none."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import attnc as package
from attnc.dsl.errors import InvalidArtifact, NeedsGpu, NotBuiltForTarget
from tests.interpreter import interpreted

pytest.importorskip("triton")
CALLS = Path(__file__).parent.parent / "runtime" / "gpu" / "calls.py"
SMALL = ("line/causal", "--target", "cuda:sm_90", "--head-dim", 16, "--dtype", "fp16")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture
def gpu(attnc: Callable, kept: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """The command line; all tests here share what was compiled."""
    monkeypatch.setenv("ATTNC_CACHE_DIR", str(kept))
    return attnc


def test_analyze_static(gpu: Callable) -> None:
    data: dict[str, Any] = gpu("analyze", *SMALL, "--static", "--json").json
    assert data["resources"]["registers"] > 0 and data["resources"]["spills"] == 0
    assert data["occupancy"]["blocks"] >= 1 and data["clocks_per_pair"] > 0
    assert {loop["tile_class"] for loop in data["loops"]} == {"full", "partial"}
    for loop in data["loops"]:
        assert loop["per_element"] > 5 and loop["counts"]["mma"] > 0 and 0 < loop["mma_share"] <= 1
    assert len(data["tried"]) == 2 and data["dtype"] == "float16" and data["seq"] == 4096
    found = package.analyze_static("line/causal", target="cuda:sm_90", head_dim=16, dtype="fp16")
    assert found.to_dict()["loops"] == data["loops"] and found.tile == tuple(data["tile"])
    text = gpu("analyze", *SMALL, "--static").out
    assert "a thread, no spills" in text
    assert "chosen" in text and "bound by" in text


def test_one_query(gpu: Callable) -> None:
    """Goals of the kernel that packs heads and splits keys: copies in flight, no spills."""
    one = (*SMALL, "--decode", "--heads", 8, "--kv-heads", 2)
    data: dict[str, Any] = gpu("analyze", *one, "--static", "--json").json
    assert data["tile"][0] == 16 and data["resources"]["spills"] == 0
    assert all(loop["counts"]["async copy"] > 0 for loop in data["loops"])
    text = gpu("emit", "line/causal", "--stage", "triton", *one[-5:]).out
    assert "the rows are 4 queries of 4 heads" in text and "def merge(" in text
    assert "packed 4 split" in gpu("emit", "line/causal", *one[-5:]).out
    found = gpu("analyze", "line/causal", "--seq", 64, "--decode")
    assert found.status == 2 and "--q-len 1" in found.err


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
        (("line/longlora", "--target", "cuda:sm_90", "--static"), "pass --heads"),
        (("line/causal", "--static"), "--target cuda:sm_80"),
        (("line/causal", "--target", "cuda:sm_90", "--seq", 64), "add --static"),
        (("line/causal", "--target", "cuda:sm_90", "--dtype", "fp64", "--static"), "float64"),
    ],
)
def test_analyze_refuses(gpu: Callable, arguments: tuple[object, ...], said: str) -> None:
    found = gpu("analyze", *arguments)
    assert (found.status, found.out) == (2, "") and said in found.err


@pytest.fixture
def artifact(gpu: Callable, kept: Path) -> Path:
    folder = kept / "artifact"
    if not folder.exists():
        assert gpu("compile", *SMALL, "-o", folder).status == 0
    return folder


def test_compile_writes_an_artifact(gpu: Callable, artifact: Path) -> None:
    names = {path.name for path in artifact.iterdir()}
    kernels = {"forward.cubin", "backward_q.cubin", "backward_kv.cubin"}
    assert names == {"manifest.json", "kernel.py", "report.json", "spec", *kernels}
    manifest = json.loads((artifact / "manifest.json").read_text())
    assert manifest["target"] == "cuda:sm_90" and manifest["dtype"] == "float16"
    assert (artifact / "forward.cubin").read_bytes().startswith(b"\x7fELF")
    report = json.loads((artifact / "report.json").read_text())
    both = report.pop("gradients")
    assert report == gpu("analyze", *SMALL, "--static", "--json").json
    for one, owner in zip(both, "qk", strict=True):
        assert one == gpu("analyze", *SMALL, "--static", "--gradient", owner, "--json").json
        assert not one["resources"]["spills"] and one["resources"]["registers"] > 0
        assert {"full", "partial"} <= {loop["tile_class"] for loop in one["loops"]}
    assert manifest["config"]["tile_q"] == report["tile"][0]


def test_where_the_gpu_is_not_there(artifact: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("it is")
    for use in (lambda: package.load(artifact),
                lambda: package.compile("line/causal", target="cuda:sm_90"),
                lambda: package.compile("line/causal", target="cuda")):  # fmt: skip
        with pytest.raises(NeedsGpu, match=r"none on this machine.*attnc compile SPEC --target"):
            use()


def test_a_changed_artifact_is_not_loaded(artifact: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(artifact, tmp_path / "copy"))
    with (copy / "kernel.py").open("a") as file:
        file.write("# more\n")
    with pytest.raises(InvalidArtifact, match=r"kernel.py` was changed"):
        package.load(copy)


def test_calls_in_the_interpreter(artifact: Path, tmp_path: Path) -> None:
    """Operators, artifacts and the autotuner, on CPU tensors (see `calls.py`)."""
    printed = interpreted(CALLS, str(artifact), ATTNC_CACHE_DIR=str(tmp_path))
    assert printed.count("ok") == 19


def test_where_there_are_no_gradients(gpu: Callable, tmp_path: Path) -> None:
    assert gpu("compile", *SMALL, "--forward-only", "-o", tmp_path / "half").status == 0
    assert len([*(tmp_path / "half").glob("*.cubin")]) == 1
    assert gpu("analyze", "line/causal", "--seq", 64, "--gradient", "q").status == 2
    both = gpu("analyze", *SMALL, "--static", "--gradient", "q", "--decode")
    assert both.status == 2 and "one of both" in both.err


def test_emit_refuses(gpu: Callable) -> None:
    found = gpu("emit", "line/causal", "--target", "cuda:sm_90", "--backward")
    assert found.status == 2 and "gradients" in found.err
    with pytest.raises(NotBuiltForTarget, match="abacus"):
        package.analyze_static("line/causal", target="abacus")


def test_a_part_of_the_matrix(gpu: Callable) -> None:
    """A table, columns that are no power of two, another maker; `make gpu-matrix` has the rest."""
    found = package.analyze_static("input/document", target="hip:gfx942", head_dim=80)
    assert found.resources.spills == 0 and not found.resources.serialised
    assert found.occupancy.blocks >= 1 and len(found.loops) >= 2
