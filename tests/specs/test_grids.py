"""The shipped patterns on grids: the relations that papers define, and kernels of them."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

import attnc
from attnc.dsl.loader import load, shipped_grids
from attnc.dsl.printer import format_source
from tests.references.grid import CASES, KEYS, dense, led
from tests.references.segments import BEFORE
from tests.runtime.test_backward import assert_gradients
from tests.runtime.tolerance import assert_right, qkv, random

EACH = [(name, *case) for name, cases in CASES.items() for case in cases]


def test_every_shipped_grid_has_a_reference() -> None:
    assert sorted(KEYS) == sorted(CASES) == list(shipped_grids())


@pytest.mark.parametrize("name", shipped_grids())
def test_formatted(name: str) -> None:
    source = load(name).source
    assert format_source(source) == source.text
    assert source.text.startswith("# ")


@pytest.mark.parametrize(("name", "grid", "given"), EACH, ids=str)
def test_mask(name: str, grid: tuple[int, ...], given: dict[str, Any]) -> None:
    found = attnc.mask(name, grid=grid, **given)
    np.testing.assert_array_equal(found[0], dense(name, grid, **given))


@pytest.mark.parametrize("name", CASES)
def test_kernels(name: str) -> None:
    for grid, given in CASES[name]:
        inputs = {n: given[n] for n in given if n in load(name).inputs}
        op = attnc.compile(name, **{n: x for n, x in given.items() if n not in inputs})
        if name == "grid/swin_rmt":
            inputs["decay"] = random(4, seed=5)
        tokens = math.prod(grid) + sum(given.get(one, 0) for one in BEFORE.get(name, ()))
        operands = qkv(tokens, batch=2, heads=4, kv_heads=2, dim=16)
        assert_right(op, *operands, grid=grid, **inputs)
        for x in (*operands, inputs.get("decay")):
            if isinstance(x, torch.Tensor):
                x.requires_grad_()
        assert_gradients(op, *operands, 2e-5, grid=grid, **inputs)


def test_random_neighbourhoods() -> None:
    """300 of them, token by token: even, odd and longer than the axis, dilated, strided, causal."""
    chance = np.random.default_rng(0)
    for _ in range(300):
        rank = int(chance.integers(1, 4))
        grid = tuple(int(n) for n in chance.integers(1, (41, 9, 5)[rank - 1], rank))
        kernels, steps = chance.integers(1, 9, rank), chance.integers(1, 4, rank)
        causal = chance.integers(0, 2, rank).astype(bool)
        labels = "tyx"[-rank:]
        strides = [int(chance.integers(1, w + 1)) if chance.integers(0, 2) else 1 for w in kernels]
        masks = [
            f"causal_neighborhood({w}, {s}, {d}) on {a}"
            if c
            else f"neighborhood({w}, {d}) on {a}"
            if s == 1
            else f"strided_neighborhood({w}, {s}, {d}) on {a}"
            for a, w, s, d, c in zip(labels, kernels, strides, steps, causal, strict=True)
        ]
        axes = ", ".join(f"{a}: {a.upper()}" for a in labels)
        text = f"grid {axes} attention a {{ mask {' & '.join(masks)} }}"
        found = attnc.mask(text, grid=grid)[0].numpy()
        along = [
            np.array([[led(q, k, n, w, s, d, c) for k in range(n)] for q in range(n)])
            for n, w, s, d, c in zip(grid, kernels, strides, steps, causal, strict=True)
        ]  # fmt: skip
        wanted = along[0]
        for one in along[1:]:
            wanted = np.kron(wanted, one)
        np.testing.assert_array_equal(found, wanted, err_msg=f"{text} {grid}")


def test_a_window_longer_than_the_axis_is_the_axis() -> None:
    for size, kernel in itertools.product((1, 2, 5), (5, 6, 9)):
        assert attnc.mask("grid/natten1d", kernel=kernel, grid=(size,)).all()
