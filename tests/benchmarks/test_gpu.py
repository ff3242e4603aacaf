"""The GPU benchmarks at a toy size, without a GPU."""

import json
from pathlib import Path

import pytest

from attnc.runtime.gpu.resources import Occupancy, Resources
from attnc.runtime.gpu.static import StaticAnalysis, StaticLoop
from benchmarks import gpu_matrix, gpu_static
from benchmarks.gpu_cases import cases, toys
from benchmarks.gpu_cells import HEADER, Cell, figures
from tests.interpreter import interpreted

pytest.importorskip("triton")


def analysis(full: float, partial: float, spills: int = 0) -> StaticAnalysis:
    loops = [
        StaticLoop(name, 1, {}, cost, 0.9, "exp", 100.0, 0.5)
        for name, cost in (("full", full), ("partial", partial))
    ]
    return StaticAnalysis(
        "causal", "forward", "cuda:sm_90", "bfloat16", 64, 64, 4096, (128, 64), 4, 2, False,
        Resources(200, spills, 0, 4, 49152), Occupancy(2, 8, 0.1, "registers"),
        tuple(loops), 0.1, (),
    )  # fmt: skip


def test_a_toy_run_in_the_interpreter(tmp_path: Path) -> None:
    interpreted(
        "-m", "benchmarks.gpu", "--toy", "--tune", "0.01", "--only", "window", "-o", tmp_path,
        ATTNC_CACHE_DIR=str(tmp_path / "cache"),
    )  # fmt: skip
    data = json.loads((tmp_path / "gpu-interpreter.json").read_text())
    (row,) = data["rows"]
    assert row["case"] == "causal, window 1024, B 1, H 2:1, N 40, D 16"
    assert row["ours"] > 0 and row["theirs"]["SDPA, math"] > 0
    assert set(row["reasons"]) == {"flash-attn", "NATTEN"}
    assert f"| {row['case']} |" in (tmp_path / "gpu-interpreter.md").read_text()


def test_without_a_gpu_the_way_out_is_named(tmp_path: Path) -> None:
    import torch

    from benchmarks import gpu

    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(SystemExit, match="TRITON_INTERPRET=1"):
        gpu.main(["-o", str(tmp_path)])


def test_cases_have_names_of_their_own_and_toys() -> None:
    names = [str(case) for case in cases()]
    assert len(set(names)) == len(names)
    assert {case.name for case in toys()} == {case.name for case in cases()}


def test_goals() -> None:
    cell = Cell("line/causal", "cuda:sm_90", 64)
    assert gpu_static.row(cell, analysis(7.5, 10.4))[-1] == "met"
    missed = gpu_static.row(cell, analysis(8.0, 11.5, spills=8))[-1]
    assert missed == "missed: spills, full loop 8.00 > 7.9, mask 3.50 > 3.0"
    assert gpu_static.row(cell, "nothing fits")[-1] == "missed: no kernel"


def test_goals_of_the_gradients() -> None:
    cell = Cell("line/causal", "cuda:sm_90", 64, gradient="k")
    met = gpu_static.gradient_row(cell, analysis(9.4, 12.0))
    assert met[1] == "dK, dV" and met[-3:] == ["12.1", "9.4", "met"]
    missed = gpu_static.gradient_row(cell, analysis(9.5, 12.0, spills=8))[-1]
    assert missed == "missed: spills, full loop 9.50 > 9.4"
    wide = Cell("line/causal", "cuda:sm_90", 64, gradient="q", dtype="fp32")
    assert gpu_static.gradient_row(wide, analysis(99.0, 99.0))[-3:] == ["", "", "met"]


def test_a_row_of_the_matrix() -> None:
    found = figures(analysis(7.5, 10.4))
    assert found == ["128x64 w4 s2", "200", "0", "49,152", "2", "7.5", "10.4", "0.90", "0.100"]
    assert figures("nothing fits") == ["none: nothing fits", *[""] * (len(HEADER) - 1)]
    rows = [["b", "t", "128", *found], ["b", "t", "64", *found], ["a", "t", "64", *found]]
    lines = gpu_matrix.page(rows).splitlines()[-3:]
    assert [line[:14] for line in lines] == ["| a | t | 64 |", "| b | t | 64 |", "| b | t | 128 "]


def test_every_cell_is_compiled_once() -> None:
    found = [(cell.spec, cell.target, cell.d) for cell in gpu_matrix.cells()]
    assert len(set(found)) == len(found)
    assert len(found) == len(gpu_matrix.specs()) + 6 * (4 * 7 - 1)
