"""The Triton source of an attention: a file to read, to vendor, and to run without attnc."""

from collections.abc import Iterator

from attnc.codegen.questions import searches
from attnc.codegen.triton.config import TYPES, KernelInfo, TritonConfig, TritonSource
from attnc.codegen.triton.context import Context
from attnc.codegen.triton.host import emit_host
from attnc.codegen.triton.kernel import emit_kernel
from attnc.codegen.triton.lines import Lines
from attnc.codegen.triton.target import HELPERS
from attnc.compiler.dialects import tile
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.syntax import Expr

__all__ = ["KernelInfo", "TritonConfig", "TritonSource", "print_triton"]

L2_BYTES = 24 << 20


def print_triton(
    kernel: tile.KernelOp, config: TritonConfig, header: str = "", sink: Expr | None = None
) -> TritonSource:
    """The file of a forward kernel that owns queries; `sink` is the logit of a term more.

    Raises `NotBuiltForTarget` for what this printer lacks.
    """
    for feature in _unprintable(kernel):
        raise NotBuiltForTarget(feature, "triton")
    out = Lines()
    context = Context(out, kernel, config, sink=sink)
    out.line(f"BLOCK_M = {context.rows('q')}  # queries of a tile")
    out.line(f"BLOCK_N = {context.rows('k')}  # keys of a tile")
    out.line(f"L2_BYTES = {L2_BYTES >> 20} << 20  # of keys and values that are used together")
    kernels = emit_kernel(context)
    emit_host(context)
    body = out.text()
    title, *notes = header.splitlines() or [kernel.sym_name.data]
    head = [f'"""{title}', *(["", *notes] if notes else []), '"""' if notes else ""]
    top = "\n".join(head).rstrip("\n") + ('"""' if not notes else "")
    imports = "import math\n\nimport torch\nimport triton\nimport triton.language as tl\n"
    text = f"{top}\n\n{imports}\n{_helpers(body, out)}"
    return TritonSource(text, kernels)


def _helpers(body: str, out: Lines) -> str:
    """The constants, the helpers that the kernels call, and the kernels."""
    called = {name for name in HELPERS if f" {name}(" in body or f"({name}(" in body}
    if "floor_div" in called:
        called.add("floor_mod")
    split = body.index("\n\n\n")
    found = [text for name, text in HELPERS.items() if name in called]
    return body[:split] + "\n" + "".join(f"\n\n{text}" for text in found) + body[split + 1 :]


def _unprintable(kernel: tile.KernelOp) -> Iterator[str]:
    if kernel.owner.data != "q":
        yield "a kernel that owns keys"
    if any(given.dtype.data == "set" for given in kernel.inputs):
        yield "tests of run-time sets"
    if len(kernel.axes):
        yield "tiles of a grid or of a residue class"
    if kernel.packed.value.data != 1 or kernel.split is not None:
        yield "packed heads and split keys"
    if kernel.dtype.data not in TYPES:
        yield f"dtype {kernel.dtype.data}"
    for op in kernel.walk():
        if isinstance(op, tile.MaskOp) and searches(op.condition.data):
            yield "`exists` over a range of many values"
