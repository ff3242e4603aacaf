"""Our reading of TVMScript against TVM's own."""

from pathlib import Path

import pytest
from tvm_ffi import structural_equal

from attnc.runtime.cpu.build import tvm
from attnc.runtime.cpu.scalars import scalars_in_registers
from attnc.runtime.cpu.script import read

TEXTS = Path(__file__).parent.parent / "golden" / "tvm"
STORE = "taken[0] = 0"


@pytest.mark.parametrize("name", ("causal", "longformer"))
def test_same_module(name: str) -> None:
    text = (TEXTS / f"{name}.py").read_text(encoding="utf-8")
    with scalars_in_registers(tvm().tirx.script.builder):
        wanted = tvm().script.from_source(text)
    assert structural_equal(read(tvm(), text), wanted)
    assert not structural_equal(read(tvm(), text.replace(STORE, "taken[0] = 1")), wanted)


@pytest.mark.parametrize(
    "line",
    (
        "taken[0] += 1",
        "taken[0] = (0 +\n            1)",
        "taken[0] = 1 if taken[0] == 0 else 2",
        "taken[0] = taken[0] == 0 and threads == 1",
        "taken[0] = 0 < threads < 2",
    ),
)
def test_what_is_not_read_from_its_text_is_refused(line: str) -> None:
    text = (TEXTS / "causal.py").read_text(encoding="utf-8")
    with pytest.raises(Exception, match="expression"):
        read(tvm(), text.replace(STORE, line))
