"""Stacks: which layer has which pattern, what is proved of them together, and their operators."""

import numpy as np
import pytest
import torch

import attnc
from attnc.compiler.proofs import patterns_of, proofs_of_stack, receptive_field
from attnc.dsl.errors import AttnError
from attnc.dsl.loader import load_stack, shipped_stacks
from attnc.dsl.printer import format_source
from attnc.runtime.oracle import Reference
from tests.compiler.brute import Lengths, grid

GEMMA = """attention local(w = 1024) {
    mask causal & window(w - 1, 0)
}

stack gemma3(layers = 26, w = 512) {
    layer i: local(w) when i mod 6 < 5; causal otherwise
    assert causal
    assert reaches(layers)
}
"""


@pytest.mark.parametrize("name", shipped_stacks())
def test_shipped(name: str) -> None:
    program = load_stack(name)
    assert program.asserts and program.source.text.startswith("# ")
    assert format_source(program.source) == program.source.text
    for proof in proofs_of_stack(program.bind(), 4, 2):
        assert proof.verdict == "proved", proof


def test_layers_by_their_number() -> None:
    stack = load_stack(GEMMA).bind(layers=13, w=64)
    assert [layer.name for layer in stack.layers] == (["local"] * 5 + ["causal"]) * 2 + ["local"]
    assert dict(stack.layers[0].values) == {"w": 64}
    assert len(stack.distinct) == 2 and stack.layers[0] is stack.layers[12]


def test_progressive_windows_shrink() -> None:
    stack = load_stack("line/progressive_stack").bind(layers=8, w=64, power=2, least=3)
    patterns = patterns_of(stack, None, None)
    for i, pattern in enumerate(patterns):
        window = max(3, 64 * (8 - i) ** 2 // 64)
        found = grid(pattern.condition, Lengths(0, 0, 90, 90))[0]
        back = np.subtract.outer(np.arange(90), np.arange(90))
        assert (found == ((back >= 0) & (back < window))).all()


def verdicts(spec: str, *claims: str) -> list[str]:
    text = spec.rstrip().removesuffix("}") + " ".join(f"assert {c}" for c in claims) + "}"
    return [proof.verdict for proof in proofs_of_stack(load_stack(text).bind(), 4, 2)][
        -len(claims) :
    ]


def test_reaches_composes_the_layers_and_others_hold_for_each() -> None:
    spec = "mask past(w) = window(w, 0) stack s(layers = 4) { layer i: past(i); }"
    claims = ("reaches(4, 7)", "reaches(4, 8)", "reaches(4)", "reaches(5)", "bounded_cache")
    expected = ["proved", "refuted", "refuted", "unknown", "proved"]
    assert verdicts(spec, *claims) == expected  # windows of 0, 1, 2 and 3 keys before the query
    mixed = "stack s(layers = 4) { layer i: full when i == 2; causal otherwise }"
    assert verdicts(mixed, "causal", "covers", "reaches(2)", "reaches(3)") == [
        "refuted",
        "proved",
        "proved",  # the two layers that are asked about are causal
        "proved",
    ]


def test_the_receptive_field_is_that_of_matrix_products() -> None:
    spec = "stack s(layers = 5) { layer i: dilated(2, i + 1) when i < 3; strided(17) otherwise }"
    patterns = patterns_of(load_stack(spec).bind(), None, None)
    steps = [grid(p.condition, Lengths(0, 0, 80, 80))[0] | np.eye(80, dtype=bool) for p in patterns]
    expected = []
    for depth in range(1, 6):
        reached = np.eye(80, dtype=bool)[-1]
        for step in reversed(steps[:depth]):
            reached = reached @ step
        expected.append(int(reached.sum()))
    assert list(receptive_field(patterns, 80)) == expected


def test_operators_and_analysis() -> None:
    operators = attnc.stack(GEMMA, layers=7, w=5)
    assert len(operators) == 7 and len({id(op) for op in operators}) == 2
    assert operators[0] is operators[6] and operators[5] is not operators[0]
    q, k, v = torch.randn(3, 1, 2, 20, 16)
    exact = attnc.reference("line/mistral", w=5)(q, k, v)
    torch.testing.assert_close(operators[6](q, k, v).double(), exact, atol=1e-5, rtol=1e-5)
    found = attnc.analyze_stack(GEMMA, layers=7, w=5, seq=100)
    assert found.flops == sum(layer.flops for layer in found.layers)
    assert found.cache_bound is None and found.receptive_field[4:6] == (21, 100)


def test_a_stack_is_no_attention_and_the_other_way_round() -> None:
    for call in (attnc.compile, attnc.reference):
        with pytest.raises(AttnError, match=r"stack of layers(.|\n)*attnc\.stack"):
            call(GEMMA)
    with pytest.raises(AttnError, match="one attention, not a stack"):
        attnc.stack("line/causal")
    with pytest.raises(AttnError, match="does not hold"):
        attnc.stack("stack s(layers = 2) { layer i: full\n assert causal }")


def test_layers_on_a_grid() -> None:
    """DiNAT: every second layer is dilated; the claims of a stack are about each of its layers."""
    layers = attnc.stack("grid/dinat_stack", layers=3, kernel=3, dilation=2)
    assert layers[0] is layers[2] is not layers[1]
    chance = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 2, 35, 16, generator=chance) for _ in range(3))
    for layer, dilation in zip(layers, (1, 2, 1), strict=True):
        sizes = {"kernel_y": 3, "kernel_x": 3, "dilation_y": dilation, "dilation_x": dilation}
        wanted = attnc.reference("grid/natten2d", **sizes)(q, k, v, grid=(5, 7))
        torch.testing.assert_close(layer(q, k, v, grid=(5, 7)).double(), wanted, rtol=0, atol=1e-5)
    found = attnc.analyze_stack("grid/dinat_stack", layers=3, grid=(16, 16))
    assert [layer.grid for layer in found.layers] == [(16, 16)] * 3 and not found.receptive_field
    text = """grid y: Y, x: X mask row = same on y mask column = same on x stack s(layers = 3) {
        layer i: row when i == 1; column otherwise
        assert reaches(1) assert reaches(2) assert reaches(4)
    }"""
    proofs = proofs_of_stack(load_stack(text).bind(), 2, 2)
    assert [one.verdict for one in proofs] == ["refuted", "proved", "unknown"]


ROUTED = """route picked(n, block) { keys blocks(block) choose top(n) within causal }
route near(n) { keys cluster(label) choose top(n) within any picked(4, 8) }
attention moba(n) { mask causal & (picked(n, 8) | window(3, 0)) }
attention clustered(n) { input label: int[h, token] mask causal & (near(n) | window(3, 0)) }
stack s(layers = 3) {
    layer i: moba(i + 1) when i == 0; clustered(2) when i == 1; picked(3, 8)
    assert covers
}
"""


def test_layers_with_routes() -> None:
    """Each attention has the routes that it calls, and their inputs; a layer may be a route."""
    generator = torch.Generator().manual_seed(2)
    q, k, v = (torch.randn(1, h, 61, 16, generator=generator).double() for h in (4, 2, 2))
    inputs = {"label": torch.randint(-1, 7, (4, 61), generator=generator)}
    layers, bound = attnc.stack(ROUTED), load_stack(ROUTED).bind()
    assert [tuple(r.name for r in one.bound.routes) for one in layers] == [
        ("picked",),
        ("picked", "near"),
        ("picked",),
    ]
    out, lists = layers[1](q.requires_grad_(), k, v, return_routes=True, **inputs)
    wanted, chosen = Reference(bound.layers[1])(q, k, v, return_routes=True, **inputs)
    for name, theirs in chosen.items():
        assert (theirs >= 0).any()
        assert torch.equal(lists[name][lists[name] >= 0], theirs[theirs >= 0])
    torch.testing.assert_close(out, wanted, rtol=1e-10, atol=1e-10)
    grads = [torch.autograd.grad(x.square().sum(), q)[0] for x in (out, wanted)]
    torch.testing.assert_close(*grads, rtol=1e-9, atol=1e-9)


def test_routes_of_a_stack_are_checked() -> None:
    with pytest.raises(AttnError, match="`label` is no int input of tokens"):
        load_stack(ROUTED.replace("input label: int[h, token] ", ""))
    direct = "route r { keys cluster(x) choose top(2) } stack s(layers = 2) { layer i: r }"
    with pytest.raises(AttnError, match="`x` is no int input of tokens"):
        load_stack(direct)
    unused = "route r { keys blocks(8, 9, 7) choose top(2) } stack s(layers = 2) { layer i: full }"
    with pytest.raises(AttnError, match="does not take these arguments"):
        load_stack(unused)
    shared = (
        "route r(n) { keys blocks(8) choose best(n) } attention a { mask r(1) }"
        " attention z { mask r(2) } stack s(layers = 2) { layer i: a when i < 1; z }"
    )
    with pytest.raises(AttnError) as told:
        load_stack(shared)
    assert str(told.value).count("`choose` cannot be `best`") == 1


def test_layers_on_a_grid_choose_boxes() -> None:
    source = (
        "grid y: H, x: W"
        " route wide(n) { keys blocks(y = 2) choose top(n) }"
        " route boxes(n, side) { keys blocks(y = side, x = side) choose top(n) }"
        " stack s(layers = 4) { layer i: wide(1) when i mod 2 == 0; boxes(i, 2) otherwise"
        " assert covers }"
    )
    layers = attnc.stack(source)
    generator = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(1, 2, 60, 16, generator=generator).double() for _ in range(3))
    bound = load_stack(source).bind()
    wanted = Reference(bound.layers[1])(q, k, v, grid=(6, 10))
    torch.testing.assert_close(layers[1](q, k, v, grid=(6, 10)), wanted, rtol=1e-10, atol=1e-10)
    assert layers[0] is layers[2]
    assert proofs_of_stack(bound, 2, 2)[0].verdict == "unknown"


SEGMENTS = """grid y: H, x: W
segment text: L before
attention clear(r) { mask { q.y - k.y <= r } | { q in text or k in text } }
stack s(layers = 2) {
    layer i: clear(2) when i == 0; full otherwise
    assert covers
}
"""


def test_layers_with_tokens_beside_their_grid() -> None:
    generator = torch.Generator().manual_seed(4)
    q, k, v = (torch.randn(1, 2, 41, 16, generator=generator).double() for _ in range(3))
    layers, bound = attnc.stack(SEGMENTS), load_stack(SEGMENTS).bind()
    call = {"grid": (4, 9), "text": 5}
    out, wanted = (f(q, k, v, **call) for f in (layers[0], Reference(bound.layers[0])))
    torch.testing.assert_close(out, wanted, rtol=1e-10, atol=1e-10)
    assert proofs_of_stack(bound, 2, 2)[0].verdict == "proved"
    found = attnc.analyze_stack(SEGMENTS, grid=(4, 9), text=5, heads=2)
    alone = attnc.analyze(SEGMENTS[: SEGMENTS.index("stack")], grid=(4, 9), text=5, heads=2, r=2)
    assert found.layers[0].at_most == alone.at_most and found.layers[0].q_len == 41
    inside = SEGMENTS.replace("{ mask", "{ segment more: M after mask")
    with pytest.raises(AttnError, match="a segment of one layer of a stack"):
        load_stack(inside)
