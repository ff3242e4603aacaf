"""The text of every stage, and what emitted TVMScript promises: it parses, and never changes."""

import ast
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from attnc.codegen.tvm.kernel import print_kernel
from attnc.codegen.tvm.machine import AMX, AVX2, AVX512, AVX512_BF16, GENERIC, NEON
from attnc.compiler import pipeline
from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime.cpu.lower import stages
from attnc.runtime.gpu.lower_tvm_gpu import gpu_script
from attnc.runtime.tree import tree
from attnc.version import __version__

FOLDER = Path(__file__).parent.parent / "golden"
PAIRS = FOLDER / "tvm" / "causal_bfloat16.py"
MATRICES = FOLDER / "tvm" / "causal_matrices.py"
SIZES = Sizes(head_dim=64, value_dim=64)
MACHINES = (AVX512, AVX2, NEON, GENERIC)
STAGES = (
    "elaborate", "simplify", "split-atoms", "prove", "narrow", "split-residues", "choose-tiles",
    "classify-tiles", "plan-visits", "lower-to-tile", "specialise", "tvm",
)  # fmt: skip
SPECS = ("line/causal", "line/longformer", "input/document")


@cache
def texts(spec: str, machine=AVX512) -> dict[str, str]:
    return stages(load(spec).bind(), SIZES, machine).texts


def place(spec: str, stage: str) -> Path:
    return FOLDER / stage / f"{spec.rpartition('/')[2]}.{'py' if stage == 'tvm' else 'mlir'}"


def test_the_stages():
    assert tuple(texts("line/longformer")) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_stages_of_longformer(stage, golden):
    golden(place("line/longformer", stage), texts("line/longformer")[stage])


def test_tree_of_longformer(golden):
    golden(FOLDER / "ast" / "longformer.txt", tree(load("line/longformer")))


@pytest.mark.parametrize("spec", ["line/causal", "input/document"])
def test_kernels(spec, golden):
    golden(place(spec, "tvm"), texts(spec)["tvm"])


def test_kernel_for_gpus(golden):
    golden(
        FOLDER / "tvm_gpu" / "document.py", gpu_script(load("input/document").bind(), SIZES).text
    )


def test_kernel_of_pairs(golden):
    sizes = replace(SIZES, dtype="bfloat16")
    golden(PAIRS, stages(load("line/causal").bind(), sizes, AVX512_BF16).texts["tvm"])
    golden(MATRICES, stages(load("line/causal").bind(), sizes, AMX).texts["tvm"])


def test_no_golden_is_left_over():
    wanted = {place("line/longformer", stage) for stage in STAGES} | {PAIRS, MATRICES}
    wanted |= {place(spec, "tvm") for spec in SPECS}
    assert {path for stage in STAGES for path in (FOLDER / stage).iterdir()} == wanted


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.name)
@pytest.mark.parametrize("spec", SPECS)
def test_kernels_are_python(spec, machine):
    text = texts(spec, machine)["tvm"]
    (module,) = ast.parse(text).body
    assert isinstance(module, ast.ClassDef)
    assert [f.name for f in module.body if isinstance(f, ast.FunctionDef)] == ["main", "plan"]


@pytest.mark.parametrize("spec", SPECS)
def test_what_a_reader_finds(spec):
    text = texts(spec)["tvm"]
    header, *lines = text.splitlines()
    assert re.match(rf"# {spec.rpartition('/')[2]}\(.*\), written by attnc {__version__}$", header)
    comments = {line.strip() for line in lines if line.strip().startswith("#")}
    rows = 16 if spec == "line/longformer" else 48  # narrow bands want low tiles
    assert f"# query [d 64, q {rows}], scaled" in comments
    assert f"# scores [k 8, q {rows}] = k [k, d 64] . query [d, q]" in comments
    by_columns, by_rows = (
        f"# output [v 64, q {rows}] += v [k, v]^T . scores [k, q]",
        f"# output [q {rows}, v 64] += scores [k, q]^T . v [k, v]",
    )
    assert (by_rows if rows == 16 else by_columns) in comments
    assert "# the partial tiles" in comments
    assert any(line.startswith("# only where") for line in comments)


@pytest.mark.parametrize("spec", SPECS)
def test_printing_twice_gives_the_same(spec):
    again = stages(load(spec).bind(), SIZES, AVX512).texts
    assert again == texts(spec)
    (kernel,) = pipeline.parse(again["specialise"]).body.block.ops
    header = again["tvm"].splitlines()[0].removeprefix("# ")
    assert print_kernel(kernel, AVX512, header).text == again["tvm"]


def test_nothing_of_the_machine_is_in_the_text():
    for spec in SPECS:
        for text in texts(spec).values():
            assert str(Path(__file__).parents[2]) not in text


def test_a_table_has_a_planner():
    text = (Path(__file__).parents[1] / "compiler" / "tile" / "index_table.mlir").read_text()
    (kernel,) = pipeline.parse(text).body.block.ops
    source = print_kernel(kernel, AVX512)
    (module,) = ast.parse(source.text).body
    assert [f.name for f in module.body if isinstance(f, ast.FunctionDef)] == ["main", "plan"]
    assert source.facts.tabled and not source.facts.plan_by_head
