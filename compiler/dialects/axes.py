"""The attribute for one axis of the points that rows stand for, shared by both dialects."""

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.ir import ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.utils.exceptions import VerifyException

from attnc.compiler.dialects.attributes import Number, number, verify_expression


@irdl_attr_definition
class AxisAttr(ParametrizedAttribute):
    """An axis: its label, its extent, the points of a tile along it, and how far apart they are.

    A grid has one for each of its axes, the last of them the fastest. A sequence has one without
    label or extent, if its rows are taken by residue class. Classes of different remainders are
    sequences (grids) of their own; `rows` is 0 before tiles are chosen.
    """

    name = "attn.axis"
    label: StringAttr
    extent: StringAttr
    rows: Number
    step: Number

    def verify(self) -> None:
        """A labelled axis has an extent; the step is positive."""
        if bool(self.label.data) != bool(self.extent.data):
            raise VerifyException("an axis of a grid has a label and an extent")
        if self.extent.data:
            verify_expression(self.extent)
        if self.step.value.data < 1 or self.rows.value.data < 0:
            raise VerifyException("the points of an axis are at least one step apart")


def axis(label: str = "", extent: str = "", rows: int = 0, step: int = 1) -> AxisAttr:
    """The attribute of an axis."""
    return AxisAttr(StringAttr(label), StringAttr(extent), number(rows), number(step))


def step_of(axes: Sequence[AxisAttr] | ArrayAttr[AxisAttr]) -> int:
    """How far apart neighbouring rows of a tile are: the step of the last axis."""
    return int(tuple(axes)[-1].step.value.data) if len(tuple(axes)) else 1


def classes_of(axes: Sequence[AxisAttr] | ArrayAttr[AxisAttr]) -> int:
    """Into how many sequences or grids of their own the steps split one."""
    product = 1
    for one in axes:
        product *= int(one.step.value.data)
    return product
