"""The checker: from a parsed file to a `Program`, or to all mistakes that can be told at once.

Input: a file and the masks that it imports. Output: a program whose parameters have types. The
order is: what is not built, the masks of the file, its attention. Values are not looked at here,
except for literals: `check_constants` does that once the parameters are bound.
"""

from collections.abc import Mapping
from dataclasses import replace

from attnc.dsl import syntax as ast
from attnc.dsl.branch_forms import epilogue_inputs, own_statements
from attnc.dsl.check_attention import AttentionChecker
from attnc.dsl.check_constants import constant_mistakes
from attnc.dsl.check_grid import grid_of, repeated_grids
from attnc.dsl.check_masks import MaskTable
from attnc.dsl.check_route import declare_routes
from attnc.dsl.check_segments import segment_inputs, segments_of
from attnc.dsl.complexity import Sizes, find_recursion
from attnc.dsl.diagnostics import Diagnostic, DiagnosticsError
from attnc.dsl.mistakes.forms import NoAttention, SeveralAttentions
from attnc.dsl.mistakes.syntax import NotSupported, UnsupportedVersion
from attnc.dsl.program import Program
from attnc.dsl.route_masks import route_masks
from attnc.dsl.types import LANGUAGE_VERSION


def check_library(
    file: ast.File, masks: Mapping[str, ast.MaskDefinition]
) -> dict[str, ast.MaskDefinition]:
    """The checked masks of a file. Raises `DiagnosticsError`."""
    refuse_unbuilt(file)
    mistakes: list[Diagnostic] = []
    table = checked_masks(file, masks, mistakes)
    raise_all(mistakes)
    return table.own


def check(file: ast.File, masks: Mapping[str, ast.MaskDefinition]) -> Program:
    """The checked program of a file, given the masks that it imports. Raises `DiagnosticsError`."""
    refuse_unbuilt(file)
    mistakes: list[Diagnostic] = []
    table = checked_masks(file, masks, mistakes)
    attention = _only_attention(file, mistakes)
    if attention is None:
        raise DiagnosticsError(mistakes)
    program = checked_program(file, attention, table, mistakes)
    raise_all(mistakes)
    raise_all(_excess(program) or constant_mistakes(program.attention, program.masks, {}))
    return program


def checked_program(
    file: ast.File, attention: ast.Attention, table: MaskTable, mistakes: list[Diagnostic]
) -> Program:
    """The program of one attention of a file, against its masks; its routes are added to these."""
    grid = grid_of(file, attention)
    mistakes += repeated_grids(file, attention)
    inputs = {s.name: s for s in attention.body if isinstance(s, ast.Input)}
    read = declare_routes(file, attention, inputs, table, mistakes, grid)
    segments = segments_of(file, attention)
    checker = AttentionChecker(table, mistakes, grid, segments, read, epilogue_inputs(attention))
    typed = replace(attention, parameters=checker.check(attention))
    masks = {**table.all(), **route_masks(table.routes)}
    inputs |= segment_inputs(segments, attention)
    return Program(file, typed, masks, inputs, grid, segments, table.routes)


def raise_all(mistakes: list[Diagnostic]) -> None:
    """Raises `DiagnosticsError` where there are mistakes."""
    if mistakes:
        raise DiagnosticsError(mistakes)


def refuse_unbuilt(file: ast.File) -> None:
    """Stops at what this version does not build: the rest of the file may depend on it."""
    if file.version is not None and file.version != LANGUAGE_VERSION:
        mistake = UnsupportedVersion(file.version, LANGUAGE_VERSION, span=file.span)
        raise DiagnosticsError([mistake])
    bodies = [d.body for d in file.definitions if isinstance(d, ast.Attention | ast.Route)]
    items = (*file.definitions, *(statement for body in bodies for statement in body))
    raise_all([NotSupported(i.feature, span=i.span) for i in items if isinstance(i, ast.NotBuilt)])


def checked_masks(
    file: ast.File, imported: Mapping[str, ast.MaskDefinition], mistakes: list[Diagnostic]
) -> MaskTable:
    """The masks of a file, declared and checked, beside the imported ones."""
    first = next(iter(_attentions(file)), None)
    grid = grid_of(file, first)
    axes = tuple(axis.name for axis in grid.axes) if grid else ()
    segments = tuple(segment.name for segment in segments_of(file, first))
    table = MaskTable(dict(imported), grid=axes, segments=segments)
    for definition in file.definitions:
        if isinstance(definition, ast.MaskDefinition):
            table.declare(definition, mistakes)
    recursion = find_recursion(table.own)
    if recursion is not None:
        raise DiagnosticsError([*mistakes, recursion])
    sizes = Sizes(table.all())
    raise_all([m for d in table.own.values() if (m := sizes.excess(d.body)) is not None][:1])
    for definition in table.own.values():
        table.check(definition, mistakes)
    return table


def _only_attention(file: ast.File, mistakes: list[Diagnostic]) -> ast.Attention | None:
    found = _attentions(file)
    if not found:
        mistakes.append(NoAttention(span=file.span))
        return None
    first = str(found[0].span)
    mistakes += [SeveralAttentions(other.name, first, span=other.span) for other in found[1:]]
    return found[0]


def _attentions(file: ast.File) -> list[ast.Attention]:
    return [d for d in file.definitions if isinstance(d, ast.Attention)]


def _excess(program: Program) -> list[Diagnostic]:
    sizes = Sizes(program.masks)
    bodies = []
    for statement in own_statements(program.attention):
        match statement:
            case ast.MaskStatement(body) | ast.AssertStatement(other=body) if body is not None:
                bodies.append(body)
            case _:
                pass
    found = (sizes.excess(body) for body in bodies)
    return [mistake for mistake in found if mistake is not None]
