"""exp2 as arithmetic: TVM's exp is a scalar library call, this is a dozen vector operations.

2^x = 2^n (1 + r P(r)) with n = round(x), r = x - n in [-1/2, 1/2]; P is a weighted least-squares
fit, iterated to equal ripples, whose largest relative error is 9.2e-8 (float32 rounds at 6e-8).
Arguments below -127 give exactly 0; NaN stays NaN.
"""

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import FLOAT, Value

COEFFICIENTS = (0.69314698, 0.24022242, 0.05550734, 0.00967151, 0.00132647)
LOG2_E = 1.4426950408889634


def constant(number: float, lanes: int) -> str:
    """A float32 constant over lanes."""
    return f"T.broadcast(T.float32({number!r}), {lanes})" if lanes > 1 else f"T.float32({number!r})"


def _integer(number: int, lanes: int) -> str:
    return f"T.broadcast(T.int32({number}), {lanes})" if lanes > 1 else f"T.int32({number})"


def _parts(out: Emitter, x: Value, nonpositive: bool = False) -> tuple[str, str]:
    """Names of r P(r) and of 2^n; `max` takes the constant first so that NaN passes through."""
    lanes = x.lanes
    suffix = f"x{lanes}" if lanes > 1 else ""
    clipped, whole, rest, power = (out.fresh(stem) for stem in ("x", "n", "r", "z"))
    cut = f"T.max({constant(-127.0, lanes)}, {x.text})"
    if not nonpositive:
        cut = f"T.min({constant(127.0, lanes)}, {cut})"
    out.line(
        f"{clipped} = {cut}",
        f"{whole} = T.nearbyint({clipped})",
        f"{rest} = {clipped} - {whole}",
        f"{power} = T.reinterpret('float32{suffix}', T.shift_left(T.Cast('int32{suffix}', {whole})"
        f" + {_integer(127, lanes)}, {_integer(23, lanes)}))",
    )
    series = constant(COEFFICIENTS[-1], lanes)
    for coefficient in reversed(COEFFICIENTS[:-1]):
        series = f"({series} * {rest} + {constant(coefficient, lanes)})"
    return f"({series} * {rest})", power


def exp2(out: Emitter, x: Value, nonpositive: bool = False) -> Value:
    """2 to the power of a float value; `nonpositive` promises that there is no overflow."""
    series, power = _parts(out, x, nonpositive)
    text = f"(({series} + {constant(1.0, x.lanes)}) * {power})"
    return Value(text, FLOAT, x.lanes)


def exp(out: Emitter, x: Value) -> Value:
    """E to the power of a float value."""
    return exp2(out, _times(x, LOG2_E))


def expm1(out: Emitter, x: Value) -> Value:
    """E to the power of a float value, less one, without cancellation near zero."""
    series, power = _parts(out, _times(x, LOG2_E))
    name = out.fresh("e")
    out.line(f"{name} = {series} * {power} + ({power} - {constant(1.0, x.lanes)})")
    return Value(name, FLOAT, x.lanes)


def _times(x: Value, factor: float) -> Value:
    return Value(f"({x.text} * {constant(factor, x.lanes)})", FLOAT, x.lanes)
