"""The six kernels of docs/tile.md: their text, and that their plans visit what their mask needs."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from xdsl.ir import Block

from attnc.codegen.tvm.kernel import print_kernel
from attnc.codegen.tvm.machine import AVX512
from attnc.compiler import pipeline
from attnc.compiler.dialects import tile
from attnc.dsl.parser import parse_expression
from tests.compiler.brute import evaluate

FOLDER = Path(__file__).parent / "tile"
WINDOW = "-64 <= k - q <= 0"
PATTERNS = {
    "window_forward": WINDOW,
    "keys_backward": WINDOW,
    "packed_decode": "k <= q",
    "residue_classes": "0 <= q - k <= 100",  # within a class
    "index_table": "k <= q and (q - k < 64 or k div 64 mod 8 == 7)",
    "triton_forward": "k <= q",
}
parsed = cache(parse_expression)
LENGTHS = [(0, 700, 700), (0, 37, 37), (0, 300, 65), (0, 65, 300), (600, 1, 601), (100, 150, 250)]


def module(name: str):
    return pipeline.parse((FOLDER / f"{name}.mlir").read_text())


def kernel_of(name: str) -> tile.KernelOp:
    (kernel,) = module(name).body.block.ops
    return kernel


def body(text: str) -> str:
    return "".join(line for line in text.splitlines(True) if not line.startswith("//"))


def test_the_six_are_all_there():
    assert {path.stem for path in FOLDER.glob("*.mlir")} == set(PATTERNS)


@pytest.mark.parametrize("name", PATTERNS)
def test_text_is_what_the_dialect_prints(name):
    text = (FOLDER / f"{name}.mlir").read_text()
    assert str(module(name)) + "\n" == body(text)


@pytest.mark.parametrize("name", PATTERNS)
def test_printed(name):
    assert "@T.prim_func" in print_kernel(kernel_of(name), AVX512).text


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("lengths", LENGTHS)
def test_plans_visit_what_the_mask_needs(name, lengths):
    q_start, q_len, k_len = lengths
    if q_start and name in ("residue_classes", "index_table"):
        q_start, q_len = 0, k_len  # these two are written for queries from 0
    env = {"q_start": q_start, "k_start": 0, "q_len": q_len, "k_len": k_len}
    q, k = q_start + np.arange(q_len)[:, None], np.arange(k_len)[None, :]
    wanted = evaluate(parsed(PATTERNS[name]), {"q": q, "k": k})
    seen = np.zeros((q_len, k_len), int)
    kernel = kernel_of(name)
    for visit, t, c in visited(kernel, env):
        rows, keys = tile_rows(kernel, t, q_len), tile_keys(kernel, c, k_len)
        holds = np.ones((len(rows), len(keys)), bool)
        for mask in (op for op in visit.each.block.ops if isinstance(op, tile.MaskOp)):
            at = {"q": q_start + rows[:, None], "k": keys[None, :]}
            holds &= evaluate(parsed(mask.condition.data), at)
        seen[np.ix_(rows, keys)] += holds
    assert (seen == wanted).all()


def visited(kernel: tile.KernelOp, env: dict) -> Iterator[tuple[tile.VisitOp, int, int]]:
    """Every visit of every owned tile that has rows, as (visit, query tile, key tile)."""
    by_query = kernel.owner.data == "q"
    for own in range(720):
        rows = (
            tile_rows(kernel, own, env["q_len"])
            if by_query
            else tile_keys(kernel, own, env["k_len"])
        )
        for visit in kernel.body.block.ops if len(rows) else ():
            if isinstance(visit, tile.VisitOp):
                for other in pushed(visit.plan.block, {**env, "t" if by_query else "c": own}):
                    yield visit, *((own, other) if by_query else (other, own))


def pushed(block: Block, env: dict) -> Iterator[int]:
    def value(text) -> int:
        return int(evaluate(parsed(text.data), env))

    for op in block.ops:
        match op:
            case tile.ForOp():
                for i in range(value(op.low), value(op.high), op.step.value.data):
                    yield from pushed(op.body.block, {**env, op.variable.data: i})
            case tile.IfOp() if value(op.condition):
                yield from pushed(op.body.block, env)
            case tile.PushOp():
                yield value(op.tile)


def tile_rows(kernel: tile.KernelOp, t: int, length: int) -> np.ndarray:
    size, packed = kernel.tile_q.value.data, kernel.packed.value.data
    return existing(t, size // packed, length)


def tile_keys(kernel: tile.KernelOp, c: int, length: int) -> np.ndarray:
    return existing(c, kernel.tile_k.value.data, length)


def existing(at: int, size: int, length: int) -> np.ndarray:
    rows = at * size + np.arange(size)
    return rows[rows < length]
