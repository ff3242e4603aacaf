"""Mistakes with arithmetic that a mask cannot have, and with constants."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class ProductOfIndices(Diagnostic):
    """A product that is not affine."""

    code: ClassVar[str] = "product-of-indices"
    title: ClassVar[str] = "`{left} * {right}` is a product of two values that vary"
    label: ClassVar[str] = "one factor must be a constant"
    notes: ClassVar[tuple[str, ...]] = (
        "a mask is affine: sums of q, k, len, qlen and h with constant factors",
    )
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class NonConstantDivisor(Diagnostic):
    """Division or remainder by something that varies."""

    code: ClassVar[str] = "non-constant-divisor"
    title: ClassVar[str] = "`{operator}` by `{divisor}`, which is not a constant"
    label: ClassVar[str] = "must be a compile-time constant"
    hints: ClassVar[tuple[str, ...]] = ("a parameter is a constant; a run-time input is not",)
    operator: str
    divisor: str


@dataclass(frozen=True, slots=True)
class DivisionByZero(Diagnostic):
    """A divisor that is zero."""

    code: ClassVar[str] = "division-by-zero"
    title: ClassVar[str] = "`{operator}` by zero"
    label: ClassVar[str] = "`{divisor}` is 0"
    notes: ClassVar[tuple[str, ...]] = ("{value}",)
    operator: str
    divisor: str
    value: str


@dataclass(frozen=True, slots=True)
class NegativeDivisor(Diagnostic):
    """A modulus or integer divisor below zero."""

    code: ClassVar[str] = "negative-divisor"
    title: ClassVar[str] = "`{operator}` by a negative number"
    label: ClassVar[str] = "`{divisor}` must be positive"
    notes: ClassVar[tuple[str, ...]] = ("{value}",)
    operator: str
    divisor: str
    value: str


@dataclass(frozen=True, slots=True)
class NonConstantPower(Diagnostic):
    """A power whose base or exponent varies."""

    code: ClassVar[str] = "non-constant-power"
    title: ClassVar[str] = "`{expression}` is a power of a value that varies"
    label: ClassVar[str] = "base and exponent must be constants or variables of `exists`"
    expression: str


@dataclass(frozen=True, slots=True)
class ConstantOverflow(Diagnostic):
    """A constant expression beyond 64 bits, or without a value."""

    code: ClassVar[str] = "constant-overflow"
    title: ClassVar[str] = "`{expression}` {reason}"
    notes: ClassVar[tuple[str, ...]] = ("{values}",)
    expression: str
    reason: str
    values: str


@dataclass(frozen=True, slots=True)
class NonConstantRange(Diagnostic):
    """An `exists` whose bounds are not compile-time constants."""

    code: ClassVar[str] = "non-constant-range"
    title: ClassVar[str] = "the range of `{variable}` is not constant"
    label: ClassVar[str] = "must be a compile-time constant"
    variable: str


@dataclass(frozen=True, slots=True)
class RangeTooLarge(Diagnostic):
    """An `exists` over too many values."""

    code: ClassVar[str] = "range-too-large"
    title: ClassVar[str] = "`{variable}` ranges over {size} values; the limit is {limit}"
    notes: ClassVar[tuple[str, ...]] = ("the ranges of an `exists` inside another multiply",)
    variable: str
    size: int
    limit: int


@dataclass(frozen=True, slots=True)
class ArgumentNotConstant(Diagnostic):
    """A mask argument that varies where the mask needs a constant."""

    code: ClassVar[str] = "argument-not-constant"
    title: ClassVar[str] = "`{parameter}` of `{mask}` must be a constant"
    label: ClassVar[str] = "this varies"
    notes: ClassVar[tuple[str, ...]] = ("inside `{mask}`: {reason}",)
    mask: str
    parameter: str
    reason: str


@dataclass(frozen=True, slots=True)
class NonConstantDefault(Diagnostic):
    """A default that is not a compile-time constant."""

    code: ClassVar[str] = "non-constant-default"
    title: ClassVar[str] = "the default of `{name}` is not a constant"
    label: ClassVar[str] = "uses a value that is only known at run time"
    name: str
