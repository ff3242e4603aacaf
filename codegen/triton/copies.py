"""Visited rows copied by the tensor memory accelerator, which takes a descriptor of the tensor.

It computes addresses and fills rows that do not exist with zeros, so that neither costs a thread
instructions or registers: of what is left, a tile of 128 by 128 fits into the registers of sm_90.
"""

from attnc.codegen.triton.context import TILES, Context

DESCRIBED = '''def described(x, rows):
    """A descriptor of x [B, H, N, D], for copies of so many rows of a head."""
    if not x.numel():  # no row is copied, but there is no descriptor of none
        x = x.new_zeros(*x.shape[:2], 1, x.shape[3])
    apart = any(n <= 0 or n * x.element_size() % 16 for n in x.stride()[:3])
    if apart or x.data_ptr() % 16:
        x = x.clone(memory_format=torch.contiguous_format)
    return TensorDescriptor(x, [*x.shape], [*x.stride()], [1, 1, rows, x.shape[3]])
'''
IMPORT = "from triton.tools.tensor_descriptor import TensorDescriptor\n"


def launch_arguments(context: Context, name: str) -> list[str]:
    """How the host hands a tensor on."""
    if name in context.described:
        rows = "BLOCK_N" if context.prefix == "forward" else context.rows(context.visited)
        return [f"described({name}, {rows})"]
    return [name, f"*{name}.stride()[:3]"]


def emit_copy(context: Context, name: str) -> None:
    """The rows of a visited tile."""
    axis = context.visited
    size, width = context.block(axis), context.width(name)
    head = "h_kv" if axis == "k" else "h"
    rows = f"desc_{name}.load([b, {head}, {TILES[axis]} * {size}, 0])"
    context.out.line(f"b_{name} = {rows}.reshape({size}, {width})  # [{size}, {width}]")
