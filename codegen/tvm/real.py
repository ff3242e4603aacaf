"""The floating-point type that a kernel computes in."""

from dataclasses import dataclass
from math import factorial, log


@dataclass(frozen=True, slots=True)
class Real:
    """`coefficients` are those of P in 2^r = 1 + r P(r), r in [-1/2, 1/2] (see `exponential`).

    `upward` are those for r in [0, 1), where they are known. `integer` is the integer of the same
    size, `bias` and `mantissa` the layout of the number.
    """

    name: str
    bytes: int
    integer: str
    bias: int
    mantissa: int
    coefficients: tuple[float, ...]
    upward: tuple[float, ...] = ()

    def constant(self, number: float, lanes: int = 1) -> str:
        """A constant, repeated over lanes."""
        text = f"T.{self.name}({number!r})"
        return f"T.broadcast({text}, {lanes})" if lanes > 1 else text

    def vector(self, lanes: int) -> str:
        """The name of the type over lanes."""
        return self.name if lanes == 1 else f"{self.name}x{lanes}"


FLOAT32 = Real(
    "float32",
    4,
    "int32",
    127,
    23,
    (0.69314698, 0.24022242, 0.05550734, 0.00967151, 0.00132647),
    (0.69315131, 0.24016445, 0.05579991, 0.00901703, 0.00186713),
)
# Taylor's series, cut where its terms fall below the rounding of float64.
FLOAT64 = Real(
    "float64", 8, "int64", 1023, 52, tuple(log(2) ** n / factorial(n) for n in range(1, 15))
)
