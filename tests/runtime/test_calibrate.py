"""Costs measured on this machine: of the right kind, kept, and used from then on."""

import json
from pathlib import Path

import pytest
import torch

from attnc.cli import main
from attnc.runtime.cpu import costs as module
from attnc.runtime.cpu.costs import SHIPPED, costs
from attnc.runtime.cpu.cpus import measured_machine


def test_calibrate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATTNC_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(module, "_known", {})
    threads = torch.get_num_threads()
    assert main(["cache", "calibrate", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert Path(data["path"]).is_relative_to(tmp_path)
    known = costs(measured_machine())
    assert len(known.columns) == len(SHIPPED[measured_machine().name].columns)
    assert all(0 < cost < 10 for cost in known.columns) and known.unit > 0 <= known.start
    assert list(known.columns) == data["columns"]
    assert torch.get_num_threads() == threads
