"""Kernels on grids: boxes, runs and residue classes, against the oracle."""

import math
from typing import Any

import pytest
import torch

import attnc
from attnc.dsl.errors import AttnError
from tests.runtime.test_backward import assert_gradients
from tests.runtime.tolerance import assert_right, qkv, random

pytestmark = pytest.mark.usefixtures("poisoned")

NEAR = """
mask near(w, d) = {
    (q - k) mod d == 0 and clamp(q div d - w div 2, 0, (len - 1 - q mod d) div d + 1 - w)
    <= k div d < clamp(q div d - w div 2, 0, (len - 1 - q mod d) div d + 1 - w) + w
}
"""
PLANE = "grid y: H, x: W  attention a"
SPECS: dict[str, tuple[str, tuple[tuple[int, ...], ...]]] = {
    "line": ("grid x: W  attention a { mask window(3) on x }", ((50,), (1,))),
    "neighbours": (
        f"{PLANE} {{ mask neighborhood(5) on y & neighborhood(4) on x }}",
        ((13, 19), (3, 2), (1, 40), (40, 1)),
    ),
    "dilated": (NEAR + f"{PLANE} {{ mask near(3, 2) on y & near(5, 3) on x }}", ((9, 23), (3, 4))),
    "axial": (f"{PLANE} {{ mask same on y | same on x }}", ((9, 12),)),
    "blocks": (f"{PLANE} {{ mask blocks(7) on y & blocks(7) on x & ~{{ q == k }} }}", ((14, 15),)),
    "checkerboard": (f"{PLANE} {{ mask {{ (q.y + q.x) mod 2 == (k.y + k.x) mod 2 }} }}", ((7, 6),)),
    "frames": (
        "grid t: T, y: H, x: W attention a { mask causal & window(3) on y & window(2) on x }",
        ((3, 5, 6),),
    ),
    "heads": (
        f"{PLANE} {{ mask (same on y when h mod 2 == 0) | (same on x when h mod 2 == 1) }}",
        ((9, 20),),
    ),
    "table": (
        f"{PLANE} {{ input bias: float[h, d] grad  mask window(2) on y & window(4) on x "
        "score s + bias[h, clamp(q.y - k.y, -2, 2) + 2] + bias[h, clamp(q.x - k.x + 4, 0, 8)] }",
        ((9, 23),),
    ),
    "disc": (
        f"{PLANE} {{ mask {{ exists i in 0..4 : exists j in 0..4 : i * i + j * j <= 9 "
        "and abs(q.y - k.y) <= i and abs(q.x - k.x) <= j } }",
        ((9, 23),),
    ),
    "classes": (
        f"{PLANE} {{ input group: int[token]  mask window(2) on y & {{ group[q] == group[k] }} }}",
        ((9, 23),),
    ),
    "lengths": (
        f"{PLANE} {{ mask {{ k.x + 5 < len and k.y + 3 < qlen }} & window(2) on x }}",
        ((3, 40), (20, 5), (6, 7)),
    ),
    "constant": ("attention a(n = 12) { grid y: n, x: 10  mask window(2) on y }", ((12, 10),)),
    "shifted": (
        f"{PLANE} {{ input shift: int  mask {{ (q.y + 2) div 4 == (k.y + 2) div 4 and "
        "q.x + shift <= k.x + 3 } }",
        ((12, 10),),
    ),
}


def inputs(name: str, tokens: int) -> dict[str, Any]:
    match name:
        case "table":
            return {"bias": random(4, 9, seed=5).requires_grad_()}
        case "classes":
            return {"group": torch.arange(tokens) * 3 // tokens}
        case "shifted":
            return {"shift": 2}
        case _:
            return {}


@pytest.mark.parametrize("name", SPECS)
def test_outputs_and_gradients(name: str) -> None:
    text, grids = SPECS[name]
    op = attnc.compile(text)
    for grid in grids:
        tokens = math.prod(grid)
        given = inputs(name, tokens)
        plain = {n: x.detach() if isinstance(x, torch.Tensor) else x for n, x in given.items()}
        operands = qkv(tokens, batch=2, heads=4, kv_heads=2, dim=24)
        assert_right(op, *operands, grid=grid, **plain)
        leaves = (x.requires_grad_() for x in operands)
        assert_gradients(op, *leaves, 2e-5, grid=grid, **given)


def test_halves_and_layouts() -> None:
    text, _ = SPECS["dilated"]
    for dtype in (torch.bfloat16, torch.float16):
        assert_right(attnc.compile(text), *qkv(9 * 23, dtype=dtype), grid=(9, 23))
    op = attnc.compile(text, layout="bshd")
    assert_right(op, *(x.transpose(1, 2) for x in qkv(9 * 23)), grid=(9, 23))
    compiled = torch.compile(attnc.compile(text), fullgraph=True)
    q, k, v = qkv(9 * 23)
    assert torch.equal(compiled(q, k, v, grid=(9, 23)), attnc.compile(text)(q, k, v, grid=(9, 23)))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({}, r"expected the extents \(H, W\)"),
        ({"grid": (6,)}, r"a positive extent for each of \(H, W\)"),
        ({"grid": (0, 6)}, "a positive extent"),
        ({"grid": (2, 2)}, r"4 rows, the points of the grid \(2, 2\)"),
        ({"grid": (2, 3), "q_start": 2}, "`q_start`"),
        ({"grid": (2, 3), "kv_len": torch.tensor([3])}, "`kv_len`"),
    ],
)
def test_what_a_call_gets_wrong(keywords: dict[str, Any], message: str) -> None:
    op = attnc.compile(SPECS["axial"][0])
    with pytest.raises(AttnError, match=message):
        op(*qkv(6), **keywords)


def test_an_extent_and_an_input_do_not_share_a_name() -> None:
    with pytest.raises(AttnError, match="`H` is declared twice"):
        attnc.compile("grid y: H  attention a { input H: int  mask { q.y + H < k.y } }")


def test_queries_and_keys_are_the_same_points() -> None:
    with pytest.raises(AttnError, match="`cross` is not for grids"):
        attnc.compile(f"{PLANE} {{ cross  mask same on y }}")


@pytest.mark.parametrize("second", ["grid t: T", "grid y: H, x: W"])
def test_a_second_grid(second: str) -> None:
    for text in (f"{second} {PLANE} {{ mask full }}", f"{PLANE} {{ {second} mask full }}"):
        with pytest.raises(AttnError, match="a second `grid`"):
            attnc.compile(text)


def test_distances_beyond_any_extent_and_classes_across_blocks() -> None:
    """2^31 is no coordinate; a stride that crosses blocks leaves holes which are tested for."""
    for mask in ("powers(1) on y & (sink(1) on x)", "(strided(2) & block_window(3, 1, 0)) on x"):
        op = attnc.compile(f"{PLANE} {{ mask {mask} }}")
        assert_right(op, *qkv(7 * 20, heads=2, dim=16), grid=(7, 20))
