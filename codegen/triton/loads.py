"""Loads of a tile's rows, owned or visited."""

from attnc.codegen.triton.context import Context


def emit_row(context: Context, name: str, pointer: str, exists: str) -> None:
    """Load an operand that is one number a row; rows that do not exist weigh 0."""
    other = 'float("inf")' if name == "lse" else "0.0"
    rest = [f"mask={exists}", f"other={other}"] if exists else []
    size = context.block("q")
    context.out.call(f"b_{name} = tl.load", [f"{pointer} + i_q", *rest], comment=f"[{size}]")


def emit_parts(context: Context, name: str, address: str, exists: str, size: str) -> None:
    """Load the rows of an operand, which begin at `address`, part by part."""
    for suffix, at, wide, true in context.parts(name):
        columns = f"({at} + tl.arange(0, {wide}))" if at else f"tl.arange(0, {wide})"
        masks = [f"{exists}[:, None]"] if exists else []
        if true < wide:
            masks.append(f"(tl.arange(0, {wide}) < {true})[None, :]")
        rest = [f"mask={' & '.join(masks)}", "other=0.0"] if masks else []
        context.out.call(
            f"b_{name}{suffix} = tl.load",
            [f"{address} + {columns}[None, :]", *rest],
            comment=f"[{size}, {wide}]",
        )
