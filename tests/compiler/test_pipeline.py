"""The lowering as a whole: order, verification, watching, and the same text every time."""

import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import ParseError, VerifyException

from attnc.compiler import pipeline
from attnc.compiler.dialects import attn
from attnc.compiler.dialects.tile import KernelOp
from attnc.compiler.elaborate import Sizes, elaborate
from attnc.dsl.diagnostics import DiagnosticsError
from attnc.dsl.loader import load
from tests.compiler.specs import bind

TILING = pipeline.Tiling(rows=(16, 32, 48), costs=(150, 112, 100), keys=8)
ORDER = (
    "simplify", "split-atoms", "prove", "narrow", "split-residues", "choose-tiles",
    "classify-tiles", "plan-visits", "lower-to-tile", "specialise",
)  # fmt: skip
SIZES = Sizes(heads=6, kv_heads=2, head_dim=64, value_dim=32)


def lowered(bound, cropped: bool = False) -> dict[str, str]:
    texts: dict[str, str] = {}
    module = elaborate(bound, SIZES)
    steps = pipeline.passes(TILING, cropped)
    pipeline.run(module, steps, lambda name, m: texts.__setitem__(name, str(m)))
    return texts


def test_order():
    assert tuple(step.name for step in pipeline.passes(TILING)) == ORDER
    assert tuple(lowered(bind("causal"))) == ORDER


@pytest.mark.parametrize("name", ["line/longformer", "input/document", "score/alibi"])
def test_every_stage_is_text(name):
    for text in lowered(load(name).bind()).values():
        assert str(pipeline.parse(text)) == text


def test_the_same_text_every_time():
    assert lowered(load("line/longformer").bind()) == lowered(load("line/longformer").bind())


def test_starting_from_the_text_of_any_stage():
    texts = lowered(bind("causal & window(20) | sink(4)"))
    steps = pipeline.passes(TILING)
    for place, step in enumerate(steps[:-1]):
        module = pipeline.parse(texts[step.name])
        pipeline.run(module, steps[place + 1 :])
        assert str(module) == texts["specialise"]


def test_sizes_reach_the_kernel():
    module = pipeline.parse(lowered(bind("causal"))["specialise"])
    (kernel,) = module.body.block.ops
    assert isinstance(kernel, KernelOp)
    sizes = (kernel.heads, kernel.kv_heads, kernel.head_dim, kernel.value_dim)
    assert [size.value.data for size in sizes] == [6, 2, 64, 32]
    assert kernel.sym_name.data == "test"


def test_cropped_kernels_accept_any_start():
    from_zero, cropped = (lowered(bind("causal"), c)["specialise"] for c in (False, True))
    assert "k_start" not in from_zero
    assert "k_start" in cropped


def test_several_attentions():
    modules = [elaborate(bind(mask), SIZES) for mask in ("causal", "window(3)")]
    both = ModuleOp([op.clone() for module in modules for op in module.body.block.ops])
    for name, op in zip(("first", "second"), both.body.block.ops, strict=True):
        op.properties["sym_name"] = StringAttr(name)
    pipeline.run(both, pipeline.passes(TILING))
    assert [op.sym_name.data for op in both.body.block.ops] == ["first", "second"]


def test_a_pass_that_breaks_the_module_is_found():
    class Breaks(ModulePass):
        name = "breaks"

        def apply(self, ctx, op):
            for inner in op.walk():
                if isinstance(inner, attn.PairsOp):
                    inner.properties["condition"] = StringAttr("k <=")

    seen = []
    with pytest.raises(VerifyException, match="not an expression"):
        pipeline.run(
            elaborate(bind("causal"), SIZES), [Breaks()], lambda name, module: seen.append(name)
        )
    assert seen == []


@pytest.mark.parametrize("text", ["builtin.module {", "nothing.here", "attn.assert 3"])
def test_text_that_is_no_module(text):
    with pytest.raises((ParseError, VerifyException)):
        pipeline.parse(text)


@pytest.mark.parametrize("name", ["t", "c", "k_len", "q_low", "doc_k_high"])
def test_inputs_may_not_take_the_names_of_tiles(name):
    with pytest.raises(DiagnosticsError, match="reserved"):
        bind("causal", inputs=f"input {name}: int", asserts=f"score s * {name}")
