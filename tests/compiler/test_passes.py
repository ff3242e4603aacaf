"""One FileCheck file per pass: `// -----` separates cases, each its CHECK lines and its input."""

from io import StringIO
from pathlib import Path

import pytest
from filecheck.finput import FInput
from filecheck.matcher import Matcher
from filecheck.options import Options
from filecheck.parser import Parser, pattern_for_opts

from attnc.compiler import pipeline
from attnc.compiler.elaborate import Sizes, elaborate
from attnc.dsl.loader import load

FOLDER = Path(__file__).parent / "passes"
SEPARATOR = "// -----\n"
TILING = pipeline.Tiling(rows=(16, 32, 48), costs=(150, 112, 100), keys=8)
PASSES = {step.name: step for step in pipeline.passes(TILING)}
BACKWARD = {step.name: step for step in pipeline.backward_passes(TILING, ("bias",))}
PASSES |= {"derive-backward": BACKWARD["derive-backward"]}


def cases() -> list:
    files = sorted(FOLDER.glob("*.mlir"))
    return [
        pytest.param(path.stem, text, id=f"{path.stem}-{number}")
        for path in files
        for number, text in enumerate(path.read_text().split(SEPARATOR))
    ]


def check(checks: str, output: str, capfd) -> None:
    """FileCheck: the CHECK lines of one text against another."""
    assert "CHECK" in checks
    options = Options("checks", "output")
    patterns = pattern_for_opts(options)
    matcher = Matcher(
        options, FInput("output", output), Parser(options, StringIO(checks), *patterns)
    )
    failed = matcher.run()
    assert not failed, capfd.readouterr().err


def test_every_pass_has_a_file():
    assert {path.stem for path in FOLDER.iterdir()} == {*PASSES, "elaborate"}


@pytest.mark.parametrize(("name", "text"), cases())
def test_pass(name, text, capfd):
    module = pipeline.parse(text)
    pipeline.run(module, [PASSES[name]])
    printed = str(module)
    assert str(pipeline.parse(printed)) == printed
    check(text, printed, capfd)


def test_elaborate(capfd):
    path = FOLDER / "elaborate.attn"
    module = elaborate(load(path).bind(), Sizes(heads=4, kv_heads=2, head_dim=64, value_dim=32))
    module.verify()
    check(path.read_text(), str(module), capfd)
