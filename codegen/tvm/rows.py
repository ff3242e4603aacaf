"""Where the rows of the current sequence and head lie, and what is copied once per owned tile."""

from attnc.codegen.tvm.axes import Axis
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.lanes import owned_element

QUERY_HEAD, KEY_HEAD = "h", "(h // group)"


def emit_base(context: Context, name: str, side: Axis, head: str, copy: str | None = None) -> None:
    """The offset of a tensor's first row of this sequence and head.

    `copy` is the index in a fourth axis, which precedes that of the columns.
    """
    offset = (
        f"T.Cast('int64', {context.entry}) * {name}_s0 + T.Cast('int64', {head}) * {name}_s1"
        f" + T.Cast('int64', {side.row}) * {name}_s2"
    )
    if copy is not None:
        offset += f" + T.Cast('int64', {copy}) * {name}_s3"
    context.out.line(f"{name}_base: T.int64 = {offset}")


def emit_owned_tile(context: Context) -> None:
    """Where the owned tile begins."""
    context.geometry.emit_tile(context)


def emit_row_inputs(context: Context) -> None:
    """Copy the inputs that have one number per owned row."""
    out = context.out
    for name, attr in context.row_inputs.items():
        buffer = "copies" if attr.dtype.data == "int" else "f"
        with out.block(f"for r in range({context.placement.width}):"):
            value = owned_element(context, attr, "r")
            out.line(f"{buffer}[in_{name}_at + r] = {value}")


def stored_row(context: Context, row: str) -> str:
    """Which row's place is written: for one that does not exist, one that is written later."""
    if context.geometry.parts:  # a point that does not exist has the place of one before it
        return row
    owned = context.owned
    rows = f"T.min({context.owned_rows}, {owned.length} - {owned.first})"
    if context.placement.packed > 1:
        rows += f" * {context.placement.packed}"
    return f"T.min({row}, {rows} - 1)"
