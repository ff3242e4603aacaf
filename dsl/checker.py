"""The checker, first form: finds the attention and its masks."""

from collections.abc import Mapping
from dataclasses import replace

from attnc.dsl import syntax as ast
from attnc.dsl.diagnostics import DiagnosticsError
from attnc.dsl.mistakes.forms import NoAttention
from attnc.dsl.mistakes.syntax import NotSupported
from attnc.dsl.program import Program


def check_library(
    file: ast.File, masks: Mapping[str, ast.MaskDefinition]
) -> dict[str, ast.MaskDefinition]:
    """The masks of a file with the types of their parameters."""
    return {d.name: d for d in file.definitions if isinstance(d, ast.MaskDefinition)}


def check(file: ast.File, masks: Mapping[str, ast.MaskDefinition]) -> Program:
    """The checked program of a file, given the masks that it imports."""
    found = [d for d in file.definitions if isinstance(d, ast.Attention)]
    if not found:
        raise DiagnosticsError([NoAttention(span=file.span)])
    attention = found[0]
    bad = [s for s in (*attention.body, *file.definitions) if isinstance(s, ast.NotBuilt)]
    if bad:
        raise DiagnosticsError(NotSupported(s.feature, span=s.span) for s in bad)
    parameters = tuple(replace(p, type=_type(p)) for p in attention.parameters)
    inputs = {s.name: s for s in attention.body if isinstance(s, ast.Input)}
    known = {**masks, **check_library(file, masks)}
    return Program(file, replace(attention, parameters=parameters), known, inputs)


def _type(parameter: ast.Parameter) -> ast.ParameterType:
    match parameter.default:
        case ast.Float():
            found: ast.ParameterType = "float"
        case ast.Bool():
            found = "bool"
        case ast.List():
            found = "list"
        case _:
            found = "int"
    return parameter.type or found
