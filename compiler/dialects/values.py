"""The operations of a kernel from blocks to a block."""

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    var_operand_def,
)
from xdsl.utils.exceptions import VerifyException

from attnc.compiler.dialects.attributes import Number, verify_expression
from attnc.compiler.dialects.blocks import BlockType, axes_of, contracted
from attnc.compiler.dialects.units import UnitsAttr


@irdl_op_definition
class DotOp(IRDLOperation):
    """Contract the axis that both blocks share: scores are `qd . kd -> kq`."""

    name = "tile.dot"
    left = operand_def(BlockType)
    right = operand_def(BlockType)
    result = result_def(BlockType)
    assembly_format = (
        "$left `,` $right `:` type($left) `,` type($right) `->` type($result) attr-dict"
    )

    def verify_(self) -> None:
        """One axis is shared, and the result's axes are the others."""
        if axes_of(self.result) != contracted(self.left, self.right):
            raise VerifyException("a dot keeps exactly the axes that its operands do not share")


class _Elementwise(IRDLOperation):
    """What the elementwise operations share: a block in, a block of the same axes out."""

    block = operand_def(BlockType)
    result = result_def(BlockType)

    def verify_(self) -> None:
        if self.block.type != self.result.type:
            raise VerifyException("an elementwise operation keeps the axes of its block")


@irdl_op_definition
class ScoreOp(_Elementwise):
    """Replace each score `s` by an expression of `s`, positions, head and inputs."""

    name = "tile.score"
    value = prop_def(StringAttr)
    assembly_format = "$block `as` $value `:` type($block) `->` type($result) attr-dict"

    def verify_(self) -> None:
        """The value is an expression."""
        super().verify_()
        verify_expression(self.value)


@irdl_op_definition
class MaskOp(_Elementwise):
    """Keep the scores of the pairs that satisfy the condition; the others become minus infinity."""

    name = "tile.mask"
    condition = prop_def(StringAttr)
    assembly_format = "$block `where` $condition `:` type($block) `->` type($result) attr-dict"

    def verify_(self) -> None:
        """The condition is an expression."""
        super().verify_()
        verify_expression(self.condition)


@irdl_op_definition
class OnlineSoftmaxOp(_Elementwise):
    """Weights of a block under the running maximum; the kernel's maximum and sum move along."""

    name = "tile.online_softmax"
    assembly_format = "$block `:` type($block) `->` type($result) attr-dict"


@irdl_op_definition
class KeepOp(IRDLOperation):
    """Of each query, keep the `count` greatest scores so far and their keys, the lower of equals.

    With `units`, each number of a pair is shared out among the units that its key lies in, by the
    parts of its positions, negative ones being left out; kept are the units of the greatest sums.
    `tile.store "picks"` stores scores and keys or units.
    """

    name = "tile.keep"
    block = operand_def(BlockType)
    count = prop_def(Number)
    units = opt_prop_def(UnitsAttr)
    assembly_format = "$block `best` $count (`units` $units^)? `:` type($block) attr-dict"

    def verify_(self) -> None:
        """There is room, and the block is one of scores."""
        if self.count.value.data < 1 or axes_of(self.block) != frozenset("kq"):
            raise VerifyException("at least one of the scores of a query is kept")


@irdl_op_definition
class MapOp(IRDLOperation):
    """An expression of several blocks, each under a name; missing axes repeat."""

    name = "tile.map"
    value = prop_def(StringAttr)
    names = prop_def(ArrayAttr[StringAttr])
    blocks = var_operand_def(BlockType)
    result = result_def(BlockType)
    assembly_format = (
        "$blocks `named` $names `as` $value `:` type($blocks) `->` type($result) attr-dict"
    )

    def verify_(self) -> None:
        """The value is an expression, every block has a name, and no axis disappears."""
        verify_expression(self.value)
        _verify_names(self.names, self.blocks)
        for operand in self.blocks:
            if not axes_of(operand) <= axes_of(self.result):
                raise VerifyException("a map keeps the axes of its blocks")


@irdl_op_definition
class CollectOp(IRDLOperation):
    """Add an expression of several blocks to the gradient of an input, at one read of it.

    Each pair adds to the element that `place` (such as `slope[h]`) is for it.
    """

    name = "tile.collect"
    value = prop_def(StringAttr)
    names = prop_def(ArrayAttr[StringAttr])
    target = prop_def(StringAttr)
    place = prop_def(StringAttr)
    blocks = var_operand_def(BlockType)
    assembly_format = (
        "$blocks `named` $names `as` $value `into` $target `at` $place `:` type($blocks) attr-dict"
    )

    def verify_(self) -> None:
        """The value and the place are expressions, and every block has a name."""
        verify_expression(self.value)
        verify_expression(self.place)
        _verify_names(self.names, self.blocks)


def _verify_names(names: ArrayAttr[StringAttr], blocks: Sequence[SSAValue]) -> None:
    if len(names) != len(blocks):
        raise VerifyException("an expression of blocks names each of them")
