"""The text of Triton files: goldens, a stable format, and what is refused."""

import ast
import builtins
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from attnc.codegen.triton.config import TritonConfig
from attnc.codegen.triton.names import OWN
from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.loader import load
from attnc.runtime.gpu.lower_triton import Backward, choice_source, triton_source

FOLDER = Path(__file__).parent.parent / "golden" / "triton"
SPECS = (
    "line/causal", "line/mistral", "line/power_attention", "score/alibi", "input/document",
)  # fmt: skip
SIZES = Sizes(head_dim=64, value_dim=64, dtype="bfloat16")


BOTH = ("score/alibi", "score/sink_logit", "input/document")


FEW = {"rows": 12, "packed": 6}  # two queries of six heads


def source(spec: str, backward: tuple[int, int] | None = None, config=None, **sizes):
    bound = load(spec).bind()
    both = Backward.alike(*backward, config=config) if backward else None
    return triton_source(bound, replace(SIZES, **sizes), config=config, backward=both)


@pytest.mark.parametrize("spec", SPECS)
def test_files(spec, golden):
    golden(FOLDER / f"{spec.rpartition('/')[2]}.py", source(spec).text)


def test_the_file_for_few_queries(golden):
    golden(FOLDER / "mistral_decode.py", source("line/mistral", **FEW).text)


CHOICE = """attention choice {
    cross
    input k_last: int
    mask { min(k * 64 + 63, k_last) <= q and q div 64 != k }
}
"""


def choice(width: int = 64, best: int = 13) -> str:
    """The file of a choice of blocks of 64 keys before those of a query."""
    sizes = Sizes(head_dim=width, value_dim=width, best=best)
    bound, known = load(CHOICE).bind(), ("0 < 64 k_len - k_last <= 64",)
    return choice_source(bound, sizes, (32, 32), TritonConfig(), known).text


def test_the_file_of_a_choice(golden):
    golden(FOLDER / "choice.py", choice())
    assert all(formatted(text) == text for text in (choice(), choice(96, 2)))


def formatted(text: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "-"],
        input=text, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_no_golden_is_left_over():
    names = {spec.rpartition("/")[2] for spec in SPECS} | {"mistral_decode", "choice"}
    assert {p.stem for p in FOLDER.iterdir()} == names


FILES = [
    *((spec, {}) for spec in SPECS),
    *((spec, {"backward": (64, 32)}) for spec in BOTH),
    *((spec, FEW) for spec in (*BOTH, "line/longformer")),
    ("line/mistral", {"config": TritonConfig(descriptors=True)}),
    *((spec, {"sequences": True}) for spec in ("line/mistral", "input/document")),
    ("line/mistral", {"config": TritonConfig(descriptors=True), "backward": (32, 64)}),
    *((spec, {"sequences": True, "backward": (64, 32)}) for spec in BOTH),
    ("score/relative_bias", {"backward": (64, 32)}),
]


@pytest.mark.parametrize(("spec", "options"), FILES)
def test_the_formatter_changes_nothing(spec, options):
    text = source(spec, **options).text
    assert formatted(text) == text


@pytest.mark.parametrize(("spec", "options"), FILES)
def test_signatures_name_every_argument(spec, options):
    found = source(spec, **options)
    functions = {f.name: f for f in ast.parse(found.text).body if isinstance(f, ast.FunctionDef)}
    for kernel in found.kernels:
        assert [a.arg for a in functions[kernel.name].args.args] == list(kernel.signature)
        constants = {n for n, kind in kernel.signature.items() if kind == "constexpr"}
        assert constants == set(kernel.constexprs)


def test_only_torch_and_triton_are_imported():
    tree = ast.parse(source("input/document").text)
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    assert names == {"math", "torch", "triton", "triton.language"}


def test_float64_is_refused():
    with pytest.raises(NotBuiltForTarget, match="float64"):
        triton_source(load("line/causal").bind(), Sizes(head_dim=64, value_dim=64, dtype="float64"))


@pytest.mark.parametrize(("axes", "place", "said"), [
    ("h, d", "h, clamp(k - q, 0, 5000)", "a table of more than 4096 elements"),
    ("q, d", "q, clamp(k, 0, 9)", "by row and place"),
])  # fmt: skip
def test_gradients_at_computed_places_are_refused(axes, place, said):
    text = f"attention a {{\n input x: float[{axes}] grad\n mask causal\n score s + x[{place}]\n}}"
    with pytest.raises(NotBuiltForTarget, match=r"the gradient of `x\[.*" + said):
        triton_source(load(text).bind(), SIZES, backward=Backward.alike(64, 32))


def test_an_input_with_a_name_of_the_file_is_refused():
    """Else its pointer would be that of the outputs."""
    bound = load("attention a {\n input out: float[h]\n mask causal\n score s + out[h]\n}").bind()
    with pytest.raises(NotBuiltForTarget, match="an input named `out`"):
        triton_source(bound, SIZES)


@pytest.mark.parametrize("sizes", [{}, FEW, {"sequences": True}], ids=["", "few", "sequences"])
def test_the_file_knows_its_own_names(sizes):
    """What host functions name, apart from Python's own names and those of specs."""
    backward = (64, 64) if "rows" not in sizes else None
    tree = ast.parse(source("line/power_attention", backward, **sizes).text)
    hosts = [f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) and not jitted(f)]
    names = {node.id for f in hosts for node in ast.walk(f) if isinstance(node, ast.Name)}
    names |= {argument.arg for f in hosts for argument in f.args.args + f.args.kwonlyargs}
    known = OWN | {"q", "k", "v", "x", *dir(builtins)}
    assert {name for name in names if name.islower() and not name.startswith("backward_")} <= known


def jitted(function: ast.FunctionDef) -> bool:
    return any("jit" in ast.unparse(decorator) for decorator in function.decorator_list)
