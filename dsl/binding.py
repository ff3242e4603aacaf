"""Parameters of a spec: given values checked against the declared types, defaults computed."""

import math
from collections.abc import Mapping
from numbers import Integral

from attnc.dsl import syntax as ast
from attnc.dsl.build import MAX_INT
from attnc.dsl.constants import ConstantError, Value, evaluate
from attnc.dsl.diagnostics import Diagnostic, DiagnosticsError
from attnc.dsl.mistakes.affine import ConstantOverflow
from attnc.dsl.mistakes.binding import (
    MissingParameter,
    ParameterTooLarge,
    UnknownParameter,
    WrongParameterType,
)
from attnc.dsl.print_nodes import print_expression

_TYPE_WORDS = {
    "int": "an int",
    "float": "a float",
    "bool": "a bool",
    "list": "a list of ints",
    "float list": "a list of floats",
}


def bind_parameters(
    attention: ast.Attention | ast.Stack, given: Mapping[str, object]
) -> dict[str, Value]:
    """The value of every parameter. Raises `DiagnosticsError` with all that is wrong."""
    names = tuple(parameter.name for parameter in attention.parameters)
    inputs = tuple(s.name for s in attention.body if isinstance(s, ast.Input))
    mistakes: list[Diagnostic] = [
        UnknownParameter(name, attention.name, names, inputs, span=attention.span)
        for name in given
        if name not in names
    ]
    values: dict[str, Value] = {}
    for parameter in attention.parameters:
        value = _value(parameter, attention, given, values)
        if isinstance(value, Diagnostic):
            mistakes.append(value)
        elif value is not None:
            values[parameter.name] = value
    if mistakes:
        raise DiagnosticsError(mistakes)
    return values


def _value(
    parameter: ast.Parameter,
    attention: ast.Attention | ast.Stack,
    given: Mapping[str, object],
    earlier: Mapping[str, Value],
) -> Value | Diagnostic | None:
    if parameter.name in given:
        return coerce(parameter, given[parameter.name])
    if parameter.default is None:
        return MissingParameter(parameter.name, attention.name, span=parameter.span)
    try:
        value = evaluate(parameter.default, earlier)
    except ConstantError as error:
        text = print_expression(error.expr)
        return ConstantOverflow(text, str(error), "", span=error.expr.span)
    return coerce(parameter, value) if value is not None else None


def coerce(parameter: ast.Parameter, value: object) -> Value | Diagnostic:
    """The value as the parameter's type has it: no bool is an int, an int may be a float."""
    kind = _kind(parameter)
    match kind, value:
        case "bool", bool():
            return value
        case "int", Integral() if not isinstance(value, bool):
            return _bounded(parameter, int(value))
        case "float", int() | float() if not isinstance(value, bool):
            return _bounded(parameter, float(value) if abs(value) < 2.0**1023 else math.inf)
        case (("list" | "float list"), list() | tuple()):
            return _items(parameter, value, kind)
    found = f"{value!r:.60} of type {type(value).__name__}"
    return WrongParameterType(parameter.name, _TYPE_WORDS[kind], found, span=parameter.span)


def _kind(parameter: ast.Parameter) -> str:
    match parameter:
        case ast.Parameter(type="list", default=ast.List(items)) if any(map(_is_float, items)):
            return "float list"
        case _:
            return parameter.type or "int"


def _is_float(item: ast.Expr) -> bool:
    return isinstance(item, ast.Float) or (isinstance(item, ast.Unary) and _is_float(item.operand))


def _items(
    parameter: ast.Parameter, value: list[object] | tuple[object, ...], kind: str
) -> Value | Diagnostic:
    allowed = (int,) if kind == "list" else (int, float)
    if not value or not all(isinstance(v, allowed) and not isinstance(v, bool) for v in value):
        found = f"{value!r:.60}" if value else "an empty list"
        return WrongParameterType(parameter.name, _TYPE_WORDS[kind], found, span=parameter.span)
    items = tuple(v if kind == "list" else float(v) for v in value)  # type: ignore[arg-type]
    for item in items:
        if isinstance(_bounded(parameter, item), Diagnostic):  # type: ignore[arg-type]
            return _bounded(parameter, item)  # type: ignore[arg-type]
    return items  # type: ignore[return-value]


def _bounded(parameter: ast.Parameter, value: int | float) -> int | float | Diagnostic:
    fits = math.isfinite(value) if isinstance(value, float) else -MAX_INT - 1 <= value <= MAX_INT
    if fits:
        return value
    found = f"{value:.6g}" if isinstance(value, float) else f"{value.bit_length()} bits"
    return ParameterTooLarge(parameter.name, found, span=parameter.span)
