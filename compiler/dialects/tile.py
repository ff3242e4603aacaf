"""The `tile` dialect: how one kernel computes an attention, tile by tile, for any target.

A kernel owns one tile of query rows. A `tile.visit` names the key tiles of one class (full or
partial): its first region enumerates them (`for`, `if`, `push`), its second says
what is done with each. Values are blocks, named by their axes; the printer of a target decides
where a block lives (registers, scratch, shared memory) and how many key tiles it takes at once.

    tile.kernel @mistral {...} {
      %q = tile.load "q" : !tile.block<"qd">
      tile.visit "partial" by "loops" plan {
        tile.for "c" from "max(0, (48 * t - 255) div 8)" to "6 * t + 6" step 1 {
          tile.push "c"
        }
      } each {
        %k = tile.load "k" : !tile.block<"kd">
        %s = tile.dot %q, %k : !tile.block<"kq">
        %m = tile.mask %s where "-255 <= k - q and k - q <= 0"
        %p = tile.online_softmax %m
        %v = tile.load "v" : !tile.block<"kv">
        tile.accumulate %p, %v into "o"
      }
      tile.finish "softmax" into "o"
    }
"""

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr, SymbolNameConstraint, i64
from xdsl.ir import Dialect, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import (
    IRDLOperation,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
)
from xdsl.traits import NoTerminator, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from attnc.compiler.dialects.attributes import verify_expression
from attnc.compiler.dialects.inputs import InputAttr

AXES = frozenset("qkdv")
CLASSES = ("full", "partial")
SOURCES = ("loops", "table")
Number = IntegerAttr


@irdl_attr_definition
class BlockType(ParametrizedAttribute, TypeAttribute):
    """A block of values; each letter is an axis: `q` rows, `k` keys, `d` or `v` columns."""

    name = "tile.block"
    axes: StringAttr

    def verify(self) -> None:
        """Refuse axes that no block has, or a repeated one."""
        if not set(self.axes.data) <= AXES or len(set(self.axes.data)) != len(self.axes.data):
            raise VerifyException(
                f"a block has distinct axes out of q k d v, not {self.axes.data!r}"
            )


def block(axes: str) -> BlockType:
    """The type of a block with these axes."""
    return BlockType(StringAttr(axes))


@irdl_op_definition
class KernelOp(IRDLOperation):
    """One kernel: sizes fixed at compile time, and a body that runs once per tile of query rows."""

    name = "tile.kernel"
    sym_name = prop_def(SymbolNameConstraint())
    heads = prop_def(Number)
    kv_heads = prop_def(Number)
    head_dim = prop_def(Number)
    value_dim = prop_def(Number)
    tile_q = prop_def(Number)
    tile_k = prop_def(Number)
    inputs = prop_def(ArrayAttr[InputAttr])
    cross = prop_def(Number)
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), NoTerminator())
    assembly_format = (
        "$sym_name `heads` $heads `/` $kv_heads `dims` $head_dim `/` $value_dim "
        "`tile` $tile_q `x` $tile_k `inputs` $inputs `cross` $cross $body attr-dict"
    )

    def verify_(self) -> None:
        """Heads group evenly; both counts are 0 where the kernel takes any."""
        heads, kv_heads = self.heads.value.data, self.kv_heads.value.data
        if bool(heads) != bool(kv_heads) or (heads and heads % kv_heads):
            raise VerifyException("the number of heads is a multiple of the number of KV heads")


@irdl_op_definition
class LoadOp(IRDLOperation):
    """Rows of an operand: `q` at the kernel's own tile, `k` and `v` at the visited tile."""

    name = "tile.load"
    operand_name = prop_def(StringAttr)
    result = result_def(BlockType)
    assembly_format = "$operand_name `:` type($result) attr-dict"


@irdl_op_definition
class VisitOp(IRDLOperation):
    """Visit the key tiles of a class: `plan` enumerates them, `each` computes.

    The plan runs in the kernel (`loops`), or once per call to fill an index table (`table`).
    """

    name = "tile.visit"
    tile_class = prop_def(StringAttr)
    source = prop_def(StringAttr)
    plan = region_def("single_block")
    each = region_def("single_block")
    traits = traits_def(NoTerminator())
    assembly_format = "$tile_class `by` $source `plan` $plan `each` $each attr-dict"

    def verify_(self) -> None:
        """The class and the source are known."""
        if self.source.data not in SOURCES:
            raise VerifyException(f"a plan runs by one of {SOURCES}, not {self.source.data!r}")
        if self.tile_class.data not in CLASSES:
            raise VerifyException(f"a class is one of {CLASSES}, not {self.tile_class.data!r}")


@irdl_op_definition
class ForOp(IRDLOperation):
    """`variable` runs from `low` up to but not including `high`."""

    name = "tile.for"
    variable = prop_def(StringAttr)
    low = prop_def(StringAttr)
    high = prop_def(StringAttr)
    step = prop_def(Number)
    body = region_def("single_block")
    traits = traits_def(NoTerminator())
    assembly_format = "$variable `from` $low `to` $high `step` $step $body attr-dict"

    def verify_(self) -> None:
        """The bounds are expressions and the step is positive."""
        verify_expression(self.low)
        verify_expression(self.high)
        if self.step.value.data <= 0:
            raise VerifyException("a step is positive")


@irdl_op_definition
class IfOp(IRDLOperation):
    """Enumerate the body only where the condition holds."""

    name = "tile.if"
    condition = prop_def(StringAttr)
    body = region_def("single_block")
    traits = traits_def(NoTerminator())
    assembly_format = "$condition $body attr-dict"

    def verify_(self) -> None:
        """The condition is an expression."""
        verify_expression(self.condition)


@irdl_op_definition
class PushOp(IRDLOperation):
    """Visit this key tile in the class of the enclosing visit.

    Where the mask reads run-time tensors, the tile is dropped unless `possible`, and moves to the
    full class if `certain`: conditions on the bounds of the inputs (see `compiler.intervals`).
    """

    name = "tile.push"
    tile = prop_def(StringAttr)
    possible = opt_prop_def(StringAttr)
    certain = opt_prop_def(StringAttr)
    assembly_format = "$tile (`if` $possible^)? (`full` `if` $certain^)? attr-dict"

    def verify_(self) -> None:
        """The tile and the conditions are expressions."""
        for text in (self.tile, self.possible, self.certain):
            if text is not None:
                verify_expression(text)


def _axes(value: SSAValue) -> set[str]:
    """The axes of a block."""
    assert isinstance(value.type, BlockType)
    return set(value.type.axes.data)


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
        """The result's axes are those that the operands do not share."""
        left, right, result = (_axes(v) for v in (self.left, self.right, self.result))
        if result != left ^ right:
            raise VerifyException("a dot keeps exactly the axes that its operands do not share")


class _Elementwise(IRDLOperation):
    """What the elementwise operations share: a block in, a block of the same axes out."""

    block = operand_def(BlockType)
    result = result_def(BlockType)


@irdl_op_definition
class ScoreOp(_Elementwise):
    """Replace each score `s` by an expression of `s`, positions, head and inputs."""

    name = "tile.score"
    value = prop_def(StringAttr)
    assembly_format = "$block `as` $value `:` type($block) `->` type($result) attr-dict"

    def verify_(self) -> None:
        """The value is an expression."""
        verify_expression(self.value)


@irdl_op_definition
class MaskOp(_Elementwise):
    """Keep the scores of the pairs that satisfy the condition; the others become minus infinity."""

    name = "tile.mask"
    condition = prop_def(StringAttr)
    assembly_format = "$block `where` $condition `:` type($block) `->` type($result) attr-dict"

    def verify_(self) -> None:
        """The condition is an expression."""
        verify_expression(self.condition)


@irdl_op_definition
class OnlineSoftmaxOp(_Elementwise):
    """Weights of a block under the running maximum; the kernel's maximum and sum move along."""

    name = "tile.online_softmax"
    assembly_format = "$block `:` type($block) `->` type($result) attr-dict"


@irdl_op_definition
class AccumulateOp(IRDLOperation):
    """Contract the shared axis of two blocks and add to an accumulator, rescaled by the softmax."""

    name = "tile.accumulate"
    weights = operand_def(BlockType)
    values = operand_def(BlockType)
    target = prop_def(StringAttr)
    assembly_format = (
        "$weights `,` $values `into` $target `:` type($weights) `,` type($values) attr-dict"
    )


@irdl_op_definition
class FinishOp(IRDLOperation):
    """Divide by the normaliser, store the output rows and their log-sum-exp."""

    name = "tile.finish"
    normalizer = prop_def(StringAttr)
    target = prop_def(StringAttr)
    assembly_format = "$normalizer `into` $target attr-dict"


def number(value: int) -> IntegerAttr:
    """A 64-bit integer attribute."""
    return IntegerAttr(value, i64)


Tile = Dialect(
    "tile",
    [
        KernelOp,
        LoadOp,
        VisitOp,
        ForOp,
        IfOp,
        PushOp,
        DotOp,
        ScoreOp,
        MaskOp,
        OnlineSoftmaxOp,
        AccumulateOp,
        FinishOp,
    ],
    [BlockType],
)
