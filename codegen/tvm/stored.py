"""How the numbers of q, k, v and out are stored, where that is not the type of the arithmetic."""

from attnc.codegen.tvm.context import Context

BFLOAT16 = "bfloat16"


def storage(dtype: str) -> str:
    """The type of a tensor's elements in a kernel.

    bfloat16 is read as its bits: TVM's own passes for it would take the accumulators out of the
    registers and rewrite the operands of the instruction for products.
    """
    return "uint16" if dtype == BFLOAT16 else dtype


def element_bytes(context: Context) -> int:
    """The size of an element of a tensor."""
    return context.real.bytes if context.tensor_type == context.real.name else 2


def word(text: str, lanes: int = 1) -> str:
    """The bits of a float32, or of two 16-bit numbers, as uint32."""
    return f"T.reinterpret('uint32{_suffix(lanes)}', {text})"


def widened(context: Context, text: str, lanes: int = 1) -> str:
    """An element of a tensor, or a vector of them, in the type of the arithmetic."""
    stored, real = context.tensor_type, context.real.vector(lanes)
    if stored == context.real.name:
        return text
    if stored == BFLOAT16:
        wide = f"T.Cast('uint32{_suffix(lanes)}', {text})"
        return f"T.reinterpret('{real}', T.shift_left({wide}, {number(16, lanes)}))"
    return f"T.Cast('{real}', {text})"


def rounded(context: Context, text: str, lanes: int = 1) -> str:
    """Numbers of the arithmetic as elements of a tensor, to nearest, ties to even."""
    stored = context.tensor_type
    if stored == context.real.name:
        return text
    if stored == BFLOAT16:
        bits, half = context.out.bind("bits", word(text, lanes)), number(16, lanes)
        odd = f"T.bitwise_and(T.shift_right({bits}, {half}), {number(1, lanes)})"
        whole = f"T.shift_right({bits} + {number(0x7FFF, lanes)} + {odd}, {half})"
        return f"T.Cast('uint16{_suffix(lanes)}', {whole})"
    return f"T.Cast('{stored}{_suffix(lanes)}', {text})"


def elements(buffer: str, place: str, lanes: int) -> str:
    """The elements of a buffer from a place on."""
    return f"{buffer}[T.ramp({place}, 1, {lanes})]" if lanes > 1 else f"{buffer}[{place}]"


def number(value: int, lanes: int = 1) -> str:
    """An unsigned constant over lanes."""
    text = f"T.uint32({value:#x})"
    return f"T.broadcast({text}, {lanes})" if lanes > 1 else text


def _suffix(lanes: int) -> str:
    return f"x{lanes}" if lanes > 1 else ""
