"""What the CPU printer refuses, by name, before it prints a line."""

import pytest

from attnc.codegen.tvm.kernel import print_kernel
from attnc.codegen.tvm.machine import AVX512
from attnc.compiler import pipeline
from attnc.compiler.dialects import tile
from attnc.dsl.errors import AttnError, NotBuiltForTarget

TEXT = """tile.kernel @a heads 8 / 2 dims 64 / 64 tile 48 x 8 inputs [] cross 0 {
  %0 = tile.load "q" : !tile.block<"qd">
  tile.visit "partial" by "loops" plan { tile.push "0" } each {
    %1 = tile.load "k" : !tile.block<"kd">
    %2 = tile.dot %0, %1 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
    %3 = tile.mask %2 where "k <= q" : !tile.block<"kq"> -> !tile.block<"kq">
    %4 = tile.online_softmax %3 : !tile.block<"kq"> -> !tile.block<"kq">
    %5 = tile.load "v" : !tile.block<"kv">
    tile.accumulate %4, %5 into "out" : !tile.block<"kq">, !tile.block<"kv">
  }
  tile.finish "softmax" into "out"
}"""


def kernel(text: str = TEXT) -> tile.KernelOp:
    (op,) = pipeline.parse(text).body.block.ops
    assert isinstance(op, tile.KernelOp)
    return op


def test_the_forward_kernel_is_printed():
    source = print_kernel(kernel(), AVX512)
    assert (source.facts.tile_q, source.facts.tile_k, source.facts.tabled) == (48, 8, False)


def test_few_rows_on_a_grid():
    few = 'split axes [#attn.axis<"", "", 48 : i64, 4 : i64, 0 : i64>] inputs []'
    with pytest.raises(NotBuiltForTarget, match="tiles of few queries on a grid"):
        print_kernel(kernel(TEXT.replace("inputs []", few)), AVX512)


@pytest.mark.parametrize(
    ("old", "new", "feature"),
    [
        ('finish "softmax"', 'finish "sigmoid"', "normalize sigmoid"),
        ('tile.finish "softmax" into "out"', 'tile.store "out"', "tile.store"),
        ('mask %2 where "k <= q"', 'map %2 named ["s"] as "s"', "tile.map"),
        ('"k <= q"', '"exists i in 0..999 : k == 7 * i"', "`exists`"),
    ],
)
def test_operations(old, new, feature):
    with pytest.raises(AttnError, match=feature):
        print_kernel(kernel(TEXT.replace(old, new)), AVX512)
