"""The Triton source of an attention: a file to read, to vendor, and to run without attnc."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from attnc.codegen.questions import searches
from attnc.codegen.triton.backward import NAMES, emit_backward
from attnc.codegen.triton.config import TYPES, KernelInfo, TritonConfig, TritonSource
from attnc.codegen.triton.context import Context
from attnc.codegen.triton.copies import DESCRIBED, IMPORT
from attnc.codegen.triton.gradients import emit_gradients
from attnc.codegen.triton.host import emit_host
from attnc.codegen.triton.kernel import emit_kernel
from attnc.codegen.triton.lines import Lines
from attnc.codegen.triton.merge import emit_merge
from attnc.codegen.triton.names import clashes
from attnc.codegen.triton.target import HELPERS
from attnc.compiler.dialects import tile
from attnc.compiler.dialects.axes import classes_of
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.syntax import Expr

__all__ = ["KernelInfo", "TritonConfig", "TritonSource", "print_triton"]

L2_BYTES = 24 << 20


@dataclass(frozen=True, slots=True)
class Gradients:
    """The kernels of the backward pass, by what they own, and the inputs that want gradients."""

    queries: tuple[tile.KernelOp, TritonConfig]
    keys: tuple[tile.KernelOp, TritonConfig]
    wanted: tuple[str, ...]


def print_triton(
    kernel: tile.KernelOp,
    config: TritonConfig,
    header: str = "",
    sink: Expr | None = None,
    gradients: Gradients | None = None,
    sequences: bool = False,
) -> TritonSource:
    """The file of a forward kernel that owns queries; `sink` is the logit of a term more.

    With `sequences` (or split keys), a table of the call says where each sequence lies.

    Raises `NotBuiltForTarget` for what this printer lacks.
    """
    refuse_unprintable(kernel)
    out = Lines()
    sequences = sequences or kernel.split is not None
    context = Context(out, kernel, config, sink=sink, sequences=sequences)
    rows = (
        f"rows of a tile: queries of {context.packed} heads"
        if context.packed > 1
        else "queries of a tile"
    )
    out.line(f"BLOCK_M = {context.height}  # {rows}")
    out.line(f"BLOCK_N = {context.rows('k')}  # keys of a tile")
    if not context.split:
        out.line(f"L2_BYTES = {L2_BYTES >> 20} << 20  # of keys and values that are used together")
    kernels = emit_kernel(context)
    if context.split:
        kernels += (emit_merge(context),)
    emit_host(context, "forward_pass" if gradients else "attention")
    if gradients is not None:
        kernels += _emit_gradients(context, gradients)
    return TritonSource(file_text(context, header), kernels)


def print_gradient(
    kernel: tile.KernelOp,
    config: TritonConfig,
    wanted: tuple[str, ...],
    sink: Expr | None = None,
    sequences: bool = False,
) -> TritonSource:
    """A file with one kernel of the backward pass alone, for who looks at its machine code."""
    forward = Context(Lines(), kernel, config, sink=sink, sequences=sequences)
    context = _gradient(forward, (kernel, config), wanted)
    context.out.line(f"# {context.prefix}")
    kernels = emit_backward(context)
    return TritonSource(file_text(context), kernels)


def _emit_gradients(forward: Context, gradients: Gradients) -> tuple[KernelInfo, ...]:
    """Both kernels of the backward pass, and the host's functions."""
    both = gradients.queries, gradients.keys
    found = [_gradient(forward, one, gradients.wanted) for one in both]
    infos = [info for context in found for info in emit_backward(context)]
    emit_gradients(*found)
    return tuple(infos)


def _gradient(
    forward: Context, one: tuple[tile.KernelOp, TritonConfig], wanted: tuple[str, ...]
) -> Context:
    """What is known of a kernel of the backward pass."""
    kernel, config = one
    refuse_unprintable(kernel)
    prefix = NAMES[kernel.owner.data]
    return replace(forward, kernel=kernel, config=config, prefix=prefix, wanted=wanted)


def file_text(context: Context, header: str = "") -> str:
    """What is printed as a file: under its header, its imports, constants and helpers."""
    body = context.out.text()
    title, *notes = header.splitlines() or [context.kernel.sym_name.data]
    head = [f'"""{title}', *(["", *notes] if notes else []), '"""' if notes else ""]
    top = "\n".join(head).rstrip("\n") + ('"""' if not notes else "")
    helpers = {**HELPERS, "described": DESCRIBED}
    called = {name for name in helpers if f" {name}(" in body or f"({name}(" in body}
    if "floor_div" in called:
        called.add("floor_mod")
    imports = "import math\n\n" if "math." in body else ""
    imports += "import torch\nimport triton\nimport triton.language as tl\n"
    imports += IMPORT if "described" in called else ""
    split = body.index("\n\n\n")
    found = "".join(f"\n\n{text}" for name, text in helpers.items() if name in called)
    return f"{top}\n\n{imports}\n{body[:split]}\n{found}{body[split + 1 :]}"


def refuse_unprintable(kernel: tile.KernelOp) -> None:
    """Raise `NotBuiltForTarget` for what this printer lacks."""
    for feature in _unprintable(kernel):
        raise NotBuiltForTarget(feature, "triton")


def _unprintable(kernel: tile.KernelOp) -> Iterator[str]:
    if classes_of(kernel.axes) > 1:
        yield "tiles of a residue class"
    if kernel.gathered is not None:
        yield "the queries that chose a unit of keys"
    if kernel.dtype.data not in TYPES:
        yield f"dtype {kernel.dtype.data}"
    yield from clashes(one.label.data for one in kernel.inputs)
    for op in kernel.walk():
        if isinstance(op, tile.MaskOp) and searches(op.condition.data):
            yield "`exists` over a range of many values"
