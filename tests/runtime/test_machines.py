"""One description prints kernels for every CPU model; those that run here agree with the oracle."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

import attnc
from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import InvalidArtifact, NotBuiltForTarget
from attnc.dsl.loader import load
from attnc.runtime.cpu import build
from attnc.runtime.cpu.cpus import CPUS, runnable
from attnc.runtime.cpu.lower import lower, print_module
from tests.references import inputs
from tests.runtime.tolerance import assert_right, qkv

SCORED = "attention a(w = 50) {\n mask causal & (window(w, 0) | sink(3))\n score softcap(s, 20)\n}"
CASES = [
    (SCORED, {}, 36, 20),
    ("line/longformer", {"w": 30, "g": 11}, 64, 64),
    ("input/document", {}, 17, 33),
    ("attention a { mask neighborhood(13) }", {}, 16, 16),
]
LOWER = [target for target in ("cpu:avx2", "cpu:generic") if target in runnable()]
# The vector registers of a CPU, and how assembly writes a vector that lies on the stack.
REGISTERS = {
    "cpu:amx": r"%zmm\d",
    "cpu:avx512_bf16": r"%zmm\d",
    "cpu:avx512": r"%zmm\d",
    "cpu:avx2": r"%ymm\d",
    "cpu:generic": r"%xmm\d",
    "cpu:neon": r"\bv\d+\.4s",
}
MULTIPLY = {"cpu:generic": "mulps", "cpu:neon": "fmla"}


@cache
def script(target: str) -> str:
    bound, machine = load("line/causal").bind(), CPUS[target].machine
    return print_module(lower(bound, Sizes(0, 0, 64, 64), machine), bound, machine).text


@cache
def assembly(target: str) -> str:
    return build.to_assembly(script(target), CPUS[target])


def loops(text: str) -> list[str]:
    """The innermost loops: blocks from a label to the jump back to it."""
    found = re.finditer(
        r"^(\.LBB\w+):(?:(?!^\.LBB).*\n)*?\s+(?:j\w+|b\.\w+|cbn?z\s.*,)\s+\1$", text, re.MULTILINE
    )
    return [match[0] for match in found]


def test_a_virtual_machine_that_hides_its_model() -> None:
    """LLVM takes the CPU for an older one; the features that it has are used by name."""
    own = CPUS["cpu:avx512_bf16"]
    bound, sizes = load("line/causal").bind(), Sizes(0, 0, 64, 64, dtype="bfloat16")
    text = print_module(lower(bound, sizes, own.machine), bound, own.machine).text
    assert "vdpbf16ps" in build.to_assembly(text, replace(own, cpu="rocketlake"))


def test_the_matrix_unit_is_given_back() -> None:
    """Products of tiles, between a configuration of our own and the one from before."""
    cpu = CPUS["cpu:amx"]
    bound, sizes = load("line/causal").bind(), Sizes(0, 0, 64, 64, dtype="bfloat16")
    text = print_module(lower(bound, sizes, cpu.machine), bound, cpu.machine).text
    found = build.to_assembly(text, cpu)
    assert found.index("sttilecfg") < found.index("ldtilecfg")
    assert "tdpbf16ps" in found and "vdpbf16ps" not in found


@pytest.mark.skipif("cpu:amx" not in runnable(), reason="this CPU has no matrix unit")
def test_the_matrix_unit_serves_torch_too() -> None:
    """Both configure it for themselves, in turns and on the same threads."""
    op = attnc.compile("line/causal")
    q, k, v = qkv(300, 300, heads=4, kv_heads=4, dim=64, value_dim=64, dtype=torch.bfloat16)
    x = torch.randn(256, 256).bfloat16()
    wanted = x @ x, sdpa(q, k, v, is_causal=True)
    for _ in range(3):
        assert_right(op, q, k, v)
        torch.testing.assert_close((x @ x, sdpa(q, k, v, is_causal=True)), wanted)


@pytest.mark.parametrize("target", LOWER)
@pytest.mark.parametrize(("spec", "parameters", "dim", "value_dim"), CASES, ids=str)
def test_lower_targets(
    spec: str, parameters: dict[str, Any], dim: int, value_dim: int, target: str
) -> None:
    op = attnc.compile(spec, target=target, **parameters)
    for queries, length, heads in ((131, 131, 4), (7, 7, 2), (2, 131, 4)):
        q, k, v = qkv(queries, length, heads=heads, kv_heads=2, dim=dim, value_dim=value_dim)
        extra = inputs(spec, heads, length) if spec == "input/document" else {}
        assert_right(op, q, k, v, **{n: torch.from_numpy(x) for n, x in extra.items()})


@pytest.mark.parametrize("target", CPUS)
def test_targets_use_their_own_registers(target: str) -> None:
    text = assembly(target)
    assert re.search(REGISTERS[target], text)
    x86 = ["cpu:avx512", "cpu:avx2", "cpu:generic"]
    level = "cpu:avx512" if target == "cpu:amx" else target.removesuffix("_bf16")
    for wider in x86[: x86.index(level)] if level in x86 else x86:
        assert not re.search(REGISTERS[wider], text)


@pytest.mark.parametrize("target", CPUS)
def test_accumulators_stay_in_registers(target: str) -> None:
    """Both products are loops of multiply-adds that keep nothing on the stack.

    Of the places of a chunk's rows, a table there, they may read one for each row.
    """
    multiply = MULTIPLY.get(target, "fmadd")
    exponential = re.compile(r"round|frint|cvt|scalef")
    products = [
        loop
        for loop in loops(assembly(target))
        if loop.count(multiply) >= 8 and not exponential.search(loop)
    ]
    assert len(products) >= 2
    framed = "%rsp, %rbp" in assembly(target)  # otherwise %rbp is a register like others
    for loop in products:
        loop = re.sub(r"mov[q]?\s+\d*\(%rsp,%r\w+(,8)?\), %r\w+", "", loop)
        assert not re.search(r"\((%rsp|%rbp)|\[sp" if framed else r"\(%rsp|\[sp", loop)


def test_an_object_for_another_architecture(tmp_path: Path) -> None:
    file = tmp_path / "kernel.o"
    build.to_object(script("cpu:neon"), CPUS["cpu:neon"], file)
    header = file.read_bytes()[:20]
    assert header[:4] == b"\x7fELF" and header[18] == 0xB7  # EM_AARCH64


@pytest.mark.skipif("cpu:neon" in runnable(), reason="this CPU runs it")
def test_what_does_not_run_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltForTarget, match="cpu:neon"):
        attnc.compile("line/causal", target="cpu:neon")
    from attnc.runtime.artifacts.artifact import save
    from attnc.runtime.artifacts.contents import Contents
    from attnc.runtime.calls.options import Options

    bound, options = load("line/causal").bind(), Options(target="cpu:neon")
    folder = save(tmp_path, bound, Sizes(0, 0, 16, 16), options, Contents((), gradients=False))
    with pytest.raises(InvalidArtifact, match="neon"):
        attnc.load(folder)


def test_unknown_targets_are_refused() -> None:
    with pytest.raises(NotBuiltForTarget, match="cpu:avx2"):
        attnc.compile("line/causal", target="cpu:sse4")
