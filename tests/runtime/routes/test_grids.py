"""Routes on grids: boxes of points are chosen, or choose, beside masks on axes."""

import re
from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.errors import AttnError, DiagnosticsError
from attnc.dsl.loader import load
from attnc.runtime.calls.call import bind_call
from attnc.runtime.routes.labels import boxes, members
from attnc.runtime.routes.select import select

HEADS, KV_HEADS, DIM = 4, 2, 16
VIDEO, IMAGE = (3, 5, 7), "y: H, x: W"


def spec(clauses: str, mask: str = "r", inputs: str = "", axes: str = "t: T, y: H, x: W") -> str:
    return f"grid {axes} route r {{ {clauses} }} attention a {{ {inputs} mask {mask} }}"


def operands(points: int, batch: int = 2) -> list[Tensor]:
    generator = torch.Generator().manual_seed(points)
    shapes = (HEADS, KV_HEADS, KV_HEADS)
    return [
        torch.randn(batch, h, points, DIM, generator=generator, dtype=torch.float64) for h in shapes
    ]


def assert_chosen(source: str, grid: tuple[int, ...] = VIDEO, **inputs: Any) -> Tensor:
    """The choices are the oracle's; gives the lists."""
    q, k, v = operands(prod(grid))
    _, wanted = attnc.reference(source)(q, k, v, grid=grid, return_routes=True, **inputs)
    bound = load(source).bind()
    call = bind_call(bound, q, k, v, inputs=inputs, grid=grid)
    found = select(bound, call, inputs, {})["r"]
    assert bool((found >= 0).any())
    torch.testing.assert_close(found, wanted["r"], rtol=0, atol=0)
    return found


def assert_attends(source: str, grid: tuple[int, ...] = VIDEO, **inputs: Any) -> None:
    """Outputs and gradients are the oracle's."""
    tensors = [x.requires_grad_() for x in operands(prod(grid))]
    call = {"grid": grid, "return_lse": True, **inputs}
    out, lse = attnc.compile(source)(*tensors, **call)
    exact, exact_lse = attnc.reference(source)(*tensors, **call)
    torch.testing.assert_close(lse, exact_lse, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(out, exact, rtol=1e-10, atol=1e-10)
    above = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).double()
    grads = [torch.autograd.grad(x, tensors, above) for x in (out, exact)]
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


NEAR = "neighborhood(3) on y & neighborhood(5) on x"


@pytest.mark.parametrize(
    "clauses",
    [
        "keys blocks(t = 2, y = 3, x = 4) choose top(2)",
        "keys blocks(y = 3, x = 4) choose top_p(0.4)",
        "keys blocks(t = 1) summary max choose above(0.2)",
        "keys token within any causal on t choose top(9)",
    ],
)
def test_boxes_for_each_query(clauses: str) -> None:
    assert_chosen(spec(clauses))


def test_attention_to_what_was_chosen() -> None:
    """A dilated axis is not parted into classes: boxes are of all its points.

    Boxes of queries choose, too, and points that a head chooses are flags of keys.
    """
    wide = "route wide { keys blocks(y = 2) queries blocks(y = 4, x = 3) choose top(1) }"
    few = "route few { keys token queries head choose top(9) }"
    mask = "r & neighborhood(3, 2) on y | wide | few"
    source = spec("keys blocks(x = 3) choose top(2)", mask, axes=IMAGE)
    assert_attends(f"{wide} {few} {source}", (9, 11))


@pytest.mark.parametrize(
    "queries",
    ["blocks(t = 2, y = 2)", "group(t = 1, y = 2)", "head", "call", "last(6)"],
)
def test_choosers(queries: str) -> None:
    estimated = "summary probability" if queries == "last(6)" else ""
    clauses = f"keys blocks(y = 2, x = 4) queries {queries} {estimated} choose top(2)"
    found = assert_chosen(spec(clauses))
    counts = {"blocks(t = 2, y = 2)": 2 * 3, "group(t = 1, y = 2)": 3 * 3}
    assert found.shape[2] == counts.get(queries, 1)


@pytest.mark.parametrize("queries", ["token", "blocks(t = 2, x = 3)"])
@pytest.mark.parametrize(
    "limits",
    [
        "within { q.t >= k.t }",
        f"within any {NEAR}",
        f"keep {NEAR}",
        "within any causal keep causal on t & same on y & same on x",
        "within any { (q.y + k.x) mod 4 != 1 and q.t <= T - 1 }",
    ],
)
def test_masks_of_the_grid_limit_what_is_chosen(limits: str, queries: str) -> None:
    clauses = f"keys blocks(t = 1, y = 2, x = 4) queries {queries} choose top(3) {limits}"
    assert_chosen(spec(clauses))


def test_a_choice_within_another() -> None:
    source = (
        "grid y: H, x: W"
        " route wide { keys blocks(y = 4, x = 4) choose top(2) }"
        " route r { keys blocks(y = 2, x = 2) choose top(3) within wide }"
        " attention a { mask r }"
    )
    assert_chosen(source, (9, 11))


def test_one_kernel_serves_every_extent() -> None:
    op = attnc.compile(spec("keys blocks(y = 2, x = 3) choose top(2)", axes=IMAGE))
    for grid in ((5, 7), (1, 9), (8, 2)):
        q, k, v = operands(prod(grid))
        wanted = attnc.reference(op.bound.program.source.text)(q, k, v, grid=grid)
        torch.testing.assert_close(op(q, k, v, grid=grid), wanted, rtol=1e-10, atol=1e-10)
    assert op.compilations == 1


def test_lists_are_taken_and_checked() -> None:
    source = spec("keys blocks(y = 2, x = 3) choose top(2)", axes=IMAGE)
    q, k, v = operands(35)
    lists = torch.tensor([[0, 2], [1, -1]], dtype=torch.int32)[torch.arange(35) % 2]
    lists = lists.expand(2, HEADS, 35, 2)
    out, found = attnc.compile(source)(q, k, v, grid=(5, 7), r=lists, return_routes=True)
    torch.testing.assert_close(found["r"], lists)
    wanted = attnc.reference(source)(q, k, v, grid=(5, 7), r=lists)
    torch.testing.assert_close(out, wanted, rtol=1e-10, atol=1e-10)
    with pytest.raises(AttnError, match=r"\[2, 4, 35, n\]"):
        attnc.compile(source)(q, k, v, grid=(5, 7), r=lists[:, :, :1])


def test_clusters_of_points() -> None:
    label = torch.randint(-1, 5, (HEADS, 105), generator=torch.Generator().manual_seed(3))
    clauses, inputs = "keys cluster(label) choose top(2)", "input label: int[h, token]"
    assert_chosen(spec(clauses, "r & causal on t", inputs), label=label)


@pytest.mark.parametrize(
    ("clauses", "mask", "words"),
    [
        ("keys blocks(8) choose top(2)", "r", "keys blocks(x = 8)"),
        ("keys blocks(z = 3) choose top(2)", "r", "keys blocks(x = 8)"),
        ("keys blocks(y = 0) choose top(2)", "r", "a side of the boxes"),
        ("keys blocks(y = H) choose top(2)", "r", "constants"),
        ("keys token queries blocks(4) choose top(2)", "r", "queries blocks(x = 8)"),
        ("keys token within { q - k < 3 } choose top(2)", "r", "no number"),
        ("keys token choose top(2)", "r on y", "not for grids"),
        (
            "keys diagonals queries last(3) summary probability choose top(2)",
            "r",
            "there are no diagonals",
        ),
    ],
)
def test_what_has_no_meaning(clauses: str, mask: str, words: str) -> None:
    with pytest.raises(DiagnosticsError, match=re.escape(words)):
        load(spec(clauses, mask)).bind()


def test_positions_of_a_call_are_refused() -> None:
    op = attnc.compile(spec("keys blocks(y = 2) choose top(2)"))
    q, k, v = operands(105)
    with pytest.raises(AttnError, match="nothing for a spec with a grid"):
        op(q, k, v, grid=VIDEO, q_start=3)
    with pytest.raises(AttnError, match="cu_seqlens"):
        op(q[:1], k[:1], v[:1], grid=VIDEO, cu_seqlens=torch.tensor([0, 105], dtype=torch.int32))


def test_points_of_a_box() -> None:
    found = boxes((2, 3, 5), (None, 2, 3)).view(2, 3, 5)
    assert found[0].tolist() == [[0, 0, 0, 1, 1]] * 2 + [[2, 2, 2, 3, 3]]
    assert torch.equal(found[0], found[1])
    assert members((2, 3, 5), (None, 2, 3)).tolist() == [0, 1, 2, 5, 6, 7, 15, 16, 17, 20, 21, 22]
