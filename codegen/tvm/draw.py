"""`draw` as arithmetic on words of numbers or lanes: see `compiler.draws` for the hash.

TVM says of products of 32 bits that they do not overflow, so they are written in 64 bits and cut;
the compilers of C and of LLVM make 32 bits of them again. Between signed and unsigned numbers bits
are reinterpreted, which TVM's simplifier leaves alone.
"""

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import INT, Value
from attnc.codegen.tvm.held import held
from attnc.compiler.draws import FINAL, FINAL_SHIFTS, FIRST, SECOND, STEP, WORD


def draw(out: Emitter, count: Value, places: tuple[Value, ...]) -> Value:
    """The hash of the places, the first of which is the seed, modulo `count`.

    The hash stays one number until it meets a place that differs between lanes.
    """
    seed, *rest = (_word(place) for place in places)
    found = seed
    for place in rest:
        word = _times(_turned(out, _times(place, FIRST), 15), SECOND)
        turned = _turned(out, _both("bitwise_xor", found, word), 13)
        found = _times(turned, 5, STEP)
    length = Value(f"T.uint32({4 * len(rest)})", "uint32")
    found = _both("bitwise_xor", found, length)
    for shift, factor in zip(FINAL_SHIFTS, (*FINAL, 1), strict=True):
        found = held(out, found)
        folded = f"T.bitwise_xor({found.text}, {_right(found, shift)})"
        found = _times(Value(folded, "uint32", found.lanes), factor)
    if not count.text.isdigit():
        count = Value(f"T.max({count.text}, {_constant(1, count.lanes, INT)})", INT, count.lanes)
    whole, divisor = _same(found, _word(count))
    below = Value(f"T.truncmod({whole.text}, {divisor.text})", "uint32", whole.lanes)
    return held(out, _bits(below, INT))


def _cast(value: Value, dtype: str) -> Value:
    lanes = f"x{value.lanes}" if value.lanes > 1 else ""
    return Value(f"T.Cast('{dtype}{lanes}', {value.text})", dtype, value.lanes)


def _bits(value: Value, dtype: str) -> Value:
    lanes = f"x{value.lanes}" if value.lanes > 1 else ""
    return Value(f"T.reinterpret('{dtype}{lanes}', {value.text})", dtype, value.lanes)


def _word(value: Value) -> Value:
    if value.text.lstrip("-").isdigit():
        return Value(f"T.uint32({int(value.text) % (1 << 32)})", "uint32")
    return _bits(value, "uint32")


def _constant(number: int, lanes: int, dtype: str = "uint32") -> str:
    text = f"T.{dtype}({number})"
    return f"T.broadcast({text}, {lanes})" if lanes > 1 else text


def _same(a: Value, b: Value) -> tuple[Value, Value]:
    lanes = max(a.lanes, b.lanes)

    def spread(x: Value) -> Value:
        if x.lanes == lanes:
            return x
        return Value(f"T.broadcast({x.text}, {lanes})", x.dtype, lanes)

    return spread(a), spread(b)


def _both(function: str, a: Value, b: Value) -> Value:
    a, b = _same(a, b)
    return Value(f"T.{function}({a.text}, {b.text})", a.dtype, a.lanes)


def _times(value: Value, factor: int, more: int = 0) -> Value:
    """The word times a factor, and more, without what exceeds a word."""
    if factor == 1:
        return value
    wide = _cast(value, "uint64").text
    text = f"{wide} * {_constant(factor, value.lanes, 'uint64')}"
    text += f" + {_constant(more, value.lanes, 'uint64')}" if more else ""
    low = f"T.bitwise_and({text}, {_constant(WORD, value.lanes, 'uint64')})"
    return _cast(Value(low, "uint64", value.lanes), value.dtype)


def _right(value: Value, bits: int) -> str:
    return f"T.shift_right({value.text}, {_constant(bits, value.lanes)})"


def _turned(out: Emitter, value: Value, bits: int) -> Value:
    """The word rotated to the left."""
    name = held(out, value)
    left = f"T.shift_left({name.text}, {_constant(bits, name.lanes)})"
    return Value(f"T.bitwise_or({left}, {_right(name, 32 - bits)})", name.dtype, name.lanes)
