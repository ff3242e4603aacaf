"""exp2 as arithmetic: TVM's exp is a scalar library call, this is a dozen vector operations.

2^x = 2^n (1 + r P(r)) with n = round(x), r = x - n in [-1/2, 1/2]. In float32, P is a weighted
least-squares fit, iterated to equal ripples, whose largest relative error is 9.2e-8 (float32 rounds
at 6e-8). Arguments below the least exponent give exactly 0; NaN stays NaN.

Where the CPU has instructions for x - floor(x) and p * 2^floor(x), n is floor(x) and r in [0, 1),
for which a fit of as many coefficients is as good (8.2e-8).
"""

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import FLOAT, LOG2_E, Value
from attnc.codegen.tvm.held import held
from attnc.codegen.tvm.real import FLOAT32, Real

DOWNWARD = 9  # of the fraction's instruction: what is left of the floor; inexact is no exception


def _integer(number: int, real: Real, lanes: int) -> str:
    text = f"T.{real.integer}({number})"
    return f"T.broadcast({text}, {lanes})" if lanes > 1 else text


def _split(out: Emitter, x: str, lanes: int, real: Real) -> tuple[str, str]:
    """Names of n and of r P(r)."""
    x = held(out, Value(x, real.name, lanes), "x").text
    whole = out.bind("n", f"T.nearbyint({x})")
    rest = out.bind("r", f"{x} - {whole}")
    return whole, _series(out, rest, lanes, real, real.coefficients)


def _series(
    out: Emitter, rest: str, lanes: int, real: Real, coefficients: tuple[float, ...]
) -> str:
    """The text of r P(r)."""
    series = real.constant(coefficients[-1], lanes)
    for coefficient in reversed(coefficients[:-1]):
        series = out.bind("p", f"{series} * {rest} + {real.constant(coefficient, lanes)}")
    return f"({series} * {rest})"


def _parts(out: Emitter, x: Value, real: Real) -> tuple[str, str]:
    """Names of r P(r) and of 2^n; `max` takes the constant first so that NaN passes through."""
    lanes = x.lanes
    suffix = f"x{lanes}" if lanes > 1 else ""
    cut = f"T.max({real.constant(-float(real.bias), lanes)}, {x.text})"
    clipped = f"T.min({real.constant(float(real.bias), lanes)}, {cut})"
    whole, series = _split(out, clipped, lanes, real)
    exponent = f"T.Cast('{real.integer}{suffix}', {whole}) + {_integer(real.bias, real, lanes)}"
    bits = f"T.shift_left({exponent}, {_integer(real.mantissa, real, lanes)})"
    return series, out.bind("z", f"T.reinterpret('{real.vector(lanes)}', {bits})")


def exp2(
    out: Emitter,
    x: Value,
    real: Real = FLOAT32,
    scale: str | None = None,
    fraction: str | None = None,
) -> Value:
    """2 to the power of a float value.

    `scale` and `fraction` name the CPU's own instructions (see `Machine`), which need no care for
    the ends of the range: on AVX-512 they save six operations of thirteen.
    """
    one = real.constant(1.0, x.lanes)
    if scale is None or x.lanes == 1:
        series, power = _parts(out, x, real)
        return Value(f"(({series} + {one}) * {power})", FLOAT, x.lanes)
    kind = real.vector(x.lanes)
    everywhere, current = f"T.int{x.lanes}(-1)", "T.int32(4)"  # all lanes; the current rounding
    rest = f"{real.constant(0.0, x.lanes)}, {everywhere}, {current}"
    if fraction is not None and real.upward:
        whole = held(out, Value(x.text, real.name, x.lanes), "x").text
        part = f"'{fraction}', {whole}, T.int32({DOWNWARD}), {rest}"
        r = out.bind("r", f"T.call_llvm_pure_intrin('{kind}', {part})")
        series = _series(out, r, x.lanes, real, real.upward)
    else:
        whole, series = _split(out, x.text, x.lanes, real)
    operands = f"{series} + {one}, {whole}, {rest}"
    return Value(f"T.call_llvm_pure_intrin('{kind}', '{scale}', {operands})", FLOAT, x.lanes)


def exp(out: Emitter, x: Value, real: Real = FLOAT32) -> Value:
    """E to the power of a float value."""
    return exp2(out, _times(x, LOG2_E, real), real)


def expm1(out: Emitter, x: Value, real: Real = FLOAT32) -> Value:
    """E to the power of a float value, less one, without cancellation near zero."""
    series, power = _parts(out, _times(x, LOG2_E, real), real)
    name = out.bind("e", f"{series} * {power} + ({power} - {real.constant(1.0, x.lanes)})")
    return Value(name, FLOAT, x.lanes)


def _times(x: Value, factor: float, real: Real) -> Value:
    return Value(f"({x.text} * {real.constant(factor, x.lanes)})", FLOAT, x.lanes)
