"""Where the rows of tiles lie in the tensors, and which points they are: on a line or in a grid.

Rows are counted from the first row of the sequence (or grid).
"""

from attnc.codegen.tvm.gathered import Gathered
from attnc.codegen.tvm.grid import Grid
from attnc.codegen.tvm.line import Line
from attnc.compiler.dialects.axes import AxisAttr, classes_of, step_of

Geometry = Line | Grid | Gathered


def geometry(axes: tuple[AxisAttr, ...], gathered: bool = False) -> Geometry:
    """The geometry of a kernel with these axes, or of one that visits `gathered` queries."""
    if gathered:
        return Gathered(step=1, classes=1)
    labels = tuple(one.label.data for one in axes)
    if not any(labels):
        return Line(step_of(axes), classes_of(axes))
    boxes = tuple(int(one.rows.value.data) for one in axes)
    return Grid(labels, boxes, step_of(axes), classes_of(axes))
