"""The operations of a plan: how the tiles of one class are enumerated."""

from xdsl.dialects.builtin import StringAttr
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.traits import NoTerminator
from xdsl.utils.exceptions import VerifyException

from attnc.compiler.dialects.attributes import Number, verify_expression

CLASSES = ("full", "partial")
SOURCES = ("loops", "table")


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
        """The bounds are expressions, the step is positive, the body is a plan."""
        verify_expression(self.low)
        verify_expression(self.high)
        if self.step.value.data <= 0:
            raise VerifyException("a step is positive")
        verify_plan(self)


@irdl_op_definition
class IfOp(IRDLOperation):
    """Enumerate the body only where the condition holds."""

    name = "tile.if"
    condition = prop_def(StringAttr)
    body = region_def("single_block")
    traits = traits_def(NoTerminator())
    assembly_format = "$condition $body attr-dict"

    def verify_(self) -> None:
        """The condition is an expression, the body is a plan."""
        verify_expression(self.condition)
        verify_plan(self)


@irdl_op_definition
class PushOp(IRDLOperation):
    """Visit this tile in the class of the enclosing visit.

    Where the mask reads run-time tensors, the tile is dropped unless `possible`, and moves to the
    full class if `certain`: conditions on the bounds of the inputs (see `compiler.intervals`).
    """

    name = "tile.push"
    tile = prop_def(StringAttr)
    possible = opt_prop_def(StringAttr)
    certain = opt_prop_def(StringAttr)
    assembly_format = "$tile (`if` $possible^)? (`full` `if` $certain^)? attr-dict"

    def verify_(self) -> None:
        """The tile and the conditions are expressions; one condition does not come alone."""
        if (self.possible is None) != (self.certain is None):
            raise VerifyException("a push has both conditions or none")
        for text in (self.tile, self.possible, self.certain):
            if text is not None:
                verify_expression(text)


def verify_plan(op: IRDLOperation) -> None:
    """Refuse anything but `for`, `if` and `push` in the first region of an operation."""
    for inner in op.regions[0].block.ops:
        if not isinstance(inner, ForOp | IfOp | PushOp):
            raise VerifyException(f"a plan enumerates tiles; it has no {inner.name}")


def verify_visit(op: IRDLOperation, tile_class: StringAttr, source: StringAttr) -> None:
    """Refuse an unknown class or source, or a first region that is no plan."""
    if source.data not in SOURCES:
        raise VerifyException(f"a plan runs by one of {SOURCES}, not {source.data!r}")
    if tile_class.data not in CLASSES:
        raise VerifyException(f"a class is one of {CLASSES}, not {tile_class.data!r}")
    verify_plan(op)
