"""The tensor arguments of a kernel: their order, axes and dtypes.

Tensors are those of `FORWARD`, `CHOICE` or `BACKWARD`, with the axes of `SHAPES`, for n sequences;
any strides, but 1 in an axis of columns. bfloat16 is stored as uint16.
"""

from attnc.codegen.tvm.collect import gradients
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.marks import bind_lists
from attnc.codegen.tvm.planner import bind_table
from attnc.codegen.tvm.pooled import head_count
from attnc.codegen.tvm.signature import Tensors
from attnc.codegen.tvm.spread import padded
from attnc.codegen.tvm.stored import storage

SHAPES = {
    "q": "n heads q_rows d",
    "k": "n kv_heads k_rows d",
    "v": "n kv_heads k_rows v",
    "out": "n heads q_rows v",
    "lse": "n heads q_rows",
    "best": "n heads q_rows count",
    "picks": "n heads q_rows count",
    "do": "n heads q_rows v",
    "delta": "n heads q_rows",
    "dq": "n heads q_rows splits width",
    "dk": "n kv_heads k_rows d",
    "dv": "n kv_heads k_rows v",
}
FORWARD = ("q", "k", "v", "out", "lse")
CHOICE = ("q", "k", "best", "picks")
BACKWARD = ("q", "k", "v", "do", "lse", "delta", "dq", "dk", "dv")
STORED = (
    "q",
    "k",
    "v",
    "out",
    "do",
    "dk",
    "dv",
)  # in the kernel's dtype, the others in that of the arithmetic


def tensors_of(context: Context) -> tuple[str, ...]:
    """The tensors of a kernel, in order."""
    if context.backward:
        return BACKWARD
    return CHOICE if context.count else FORWARD


def scheduling(context: Context) -> list[str]:
    """The argument that says how the work of a forward kernel is shared, if it is one."""
    if context.gathered:
        return ["chosen"]
    if context.backward:
        return []
    return ["parts"] if context.split else ["order"]


def bind_tensors(context: Context, names: tuple[str, ...]) -> None:
    """Shapes and strides of the arguments, and a flat view of each."""
    real, stored = context.real.name, storage(context.tensor_type)
    tensors = Tensors(context)
    tensors.sizes("n", "heads", "kv_heads", "q_rows", "k_rows")
    columns = {
        "d": context.head_dim,
        "v": context.value_dim,
        "width": padded(context.head_dim, context.machine.lanes),
        "count": context.count,
    }
    for name in names:
        axes = SHAPES[name].split()
        if name in ("best", "picks"):
            axes[1] = head_count(context)
        sizes = [f"T.int64({columns[axis]})" if axis in columns else axis for axis in axes]
        sizes = ["T.Cast('int64', splits)" if size == "splits" else size for size in sizes]
        dtype = stored if name in STORED else "int32" if name == "picks" else real
        tensors.bind(name, dtype, sizes, unit=axes[-1] in columns)
    tensors.rows()
    threads = "T.Cast('int64', threads)"
    tensors.bind("f", context.real.name, [threads, "f_width"], unit=True)
    tensors.bind("lists", "int32", [threads, "lists_width"], unit=True)
    if context.gathered:
        tensors.bind("chosen", "int32", ["n", "chosen_n1", "q_rows", "chosen_n3"], unit=True)
    for name in scheduling(context) if not context.gathered else ():
        kind = "int32" if name == "order" else context.real.name
        tensors.bind(name, kind, [f"{name}_n"], unit=True)
    if context.tabled:
        bind_table(tensors)
    tensors.inputs()
    tensors.gradients(gradients(context))
    bind_lists(tensors)
    tensors.declare()
