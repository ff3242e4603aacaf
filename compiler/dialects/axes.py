"""The attribute for one axis of the points that rows stand for, shared by both dialects."""

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.ir import ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.utils.exceptions import VerifyException

from attnc.compiler.dialects.attributes import Number, number, verify_expression


@irdl_attr_definition
class AxisAttr(ParametrizedAttribute):
    """An axis: label, extent, points of an owned tile, how far apart they are, of a visited tile.

    A grid has one for each of its axes, the last of them the fastest. A sequence has one without
    label or extent, if its rows are taken by residue class. Classes of different remainders are
    sequences (grids) of their own; `rows` and `visited` are 0 before tiles are chosen, and
    `visited` is on a sequence.
    """

    name = "attn.axis"
    label: StringAttr
    extent: StringAttr
    rows: Number
    step: Number
    visited: Number

    def verify(self) -> None:
        """A labelled axis has an extent; the step is positive."""
        if bool(self.label.data) != bool(self.extent.data):
            raise VerifyException("an axis of a grid has a label and an extent")
        if self.extent.data:
            verify_expression(self.extent)
        if self.step.value.data < 1 or min(self.rows.value.data, self.visited.value.data) < 0:
            raise VerifyException("the points of an axis are at least one step apart")


def axis(
    label: str = "", extent: str = "", rows: int = 0, step: int = 1, visited: int = 0
) -> AxisAttr:
    """The attribute of an axis."""
    sizes = (number(rows), number(step), number(visited))
    return AxisAttr(StringAttr(label), StringAttr(extent), *sizes)


def step_of(axes: Sequence[AxisAttr] | ArrayAttr[AxisAttr]) -> int:
    """How far apart neighbouring rows of a tile are: the step of the last axis."""
    return int(tuple(axes)[-1].step.value.data) if len(tuple(axes)) else 1


def classes_of(axes: Sequence[AxisAttr] | ArrayAttr[AxisAttr]) -> int:
    """Into how many sequences or grids of their own the steps split one."""
    product = 1
    for one in axes:
        product *= int(one.step.value.data)
    return product
