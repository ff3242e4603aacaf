"""The natural logarithm as arithmetic, of numbers that are positive and not tiny.

x = 2^n m with m in [sqrt(1/2), sqrt(2)), and log m = 2 artanh(y) with y = (m - 1) / (m + 1), whose
series in y^2 < 0.0295 is cut where its terms fall below rounding.
"""

from math import sqrt
from struct import pack, unpack

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import FLOAT, LN_2, Value
from attnc.codegen.tvm.real import FLOAT32, Real

TERMS = {"float32": 5, "float64": 11}


def log(out: Emitter, x: Value, real: Real = FLOAT32) -> Value:
    """The logarithm of a float value that is a normal number."""
    lanes = x.lanes
    suffix = f"x{lanes}" if lanes > 1 else ""

    def integer(number: int) -> str:
        text = f"T.{real.integer}({number})"
        return f"T.broadcast({text}, {lanes})" if lanes > 1 else text

    bits = out.bind("z", f"T.reinterpret('{real.integer}{suffix}', {x.text})")
    least = integer(_bits(sqrt(0.5), real))
    power = out.bind("n", f"T.shift_right({bits} - {least}, {integer(real.mantissa)})")
    part = f"{bits} - T.shift_left({power}, {integer(real.mantissa)})"
    m = out.bind("m", f"T.reinterpret('{real.vector(lanes)}', {part})")
    one = real.constant(1.0, lanes)
    y = out.bind("y", f"({m} - {one}) / ({m} + {one})")
    square = out.bind("r", f"{y} * {y}")
    first, *others = (2 / (2 * i + 1) for i in reversed(range(TERMS[real.name])))
    series = real.constant(first, lanes)
    for coefficient in others:
        series = out.bind("p", f"{series} * {square} + {real.constant(coefficient, lanes)}")
    whole = f"T.Cast('{real.vector(lanes)}', {power}) * {real.constant(LN_2, lanes)}"
    return Value(out.bind("e", f"{whole} + {series} * {y}"), FLOAT, lanes)


def _bits(number: float, real: Real) -> int:
    """The bits of a number as an integer of the same size."""
    float_code, int_code = ("f", "i") if real.bytes == 4 else ("d", "q")
    return int(unpack(int_code, pack(float_code, number))[0])
