"""The commands that take stacks."""

from collections.abc import Callable
from pathlib import Path

from tests.specs.test_stacks import GEMMA


def test_commands(attnc: Callable, tmp_path: Path) -> None:
    path = tmp_path / "gemma.attn"
    path.write_text(GEMMA)
    assert attnc("check", path).status == 0
    assert attnc("fmt", path, "--check").status == 0
    found = attnc("analyze", path, "--seq", 4096, "--json").json
    assert len(found["layers"]) == 26 and found["receptive_field"][-1] == 4096
    assert "all layers" in attnc("analyze", path, "--seq", 4096).out
    checked = attnc("verify", path, "-p", "w=9", "-p", "layers=2", "--head-dim", 16, "--json")
    assert checked.json["ok"] and len(checked.json["layers"]) == 1
    refuted = "stack s(layers = 2) { layer i: window(1, 0) assert reaches(layers) }"
    assert "q = 3 does not depend on k = 0" in attnc("check", refuted).out
