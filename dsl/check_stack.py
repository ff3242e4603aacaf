"""One stack: from a parsed file to a `StackProgram`, or to what is wrong with it."""

from collections.abc import Mapping
from dataclasses import replace

from attnc.dsl import syntax as ast
from attnc.dsl.check_assertion import check_assertion
from attnc.dsl.check_attention import AttentionChecker
from attnc.dsl.check_expression import ExpressionChecker
from attnc.dsl.check_grid import grid_of, repeated_grids
from attnc.dsl.check_masks import MaskTable, typed_parameters, unused_parameters
from attnc.dsl.check_segments import segments_of
from attnc.dsl.check_set import SetChecker
from attnc.dsl.checker import checked_masks, raise_all, refuse_unbuilt
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes.forms import DuplicateStatement
from attnc.dsl.mistakes.names import DuplicateDefinition
from attnc.dsl.mistakes.stacks import LayerVaries, StackIncomplete
from attnc.dsl.mistakes.syntax import NotSupported
from attnc.dsl.print_nodes import print_expression, print_set
from attnc.dsl.program import Program
from attnc.dsl.scope import Level, Scope, Symbol
from attnc.dsl.stack import LAYERS, StackProgram


def check_stack(file: ast.File, masks: Mapping[str, ast.MaskDefinition]) -> StackProgram:
    """The checked stack of a file, given the masks that it imports. Raises `DiagnosticsError`."""
    refuse_unbuilt(file)
    mistakes: list[Diagnostic] = [
        NotSupported("a segment in a stack", span=s.span) for s in segments_of(file, None)
    ]
    routes = [d for d in file.definitions if isinstance(d, ast.Route)]
    mistakes += [NotSupported("a route in a stack", span=d.span) for d in routes]
    raise_all(mistakes)
    table = checked_masks(file, masks, mistakes)
    grid = grid_of(file, None)
    mistakes += repeated_grids(file, None)
    programs = _attentions(file, table, grid, mistakes)
    stack, *others = (d for d in file.definitions if isinstance(d, ast.Stack))
    first = str(stack.span)
    mistakes += [DuplicateStatement("stack", first, span=other.span) for other in others]
    typed = _checked(stack, _with_attentions(table, programs), mistakes)
    raise_all(mistakes)
    return StackProgram(file, typed, table.all(), programs, grid)


def _attentions(
    file: ast.File, table: MaskTable, grid: ast.Grid | None, mistakes: list[Diagnostic]
) -> dict[str, Program]:
    """The attentions of the file by name; all are on its grid, if it has one."""
    found: dict[str, Program] = {}
    for attention in file.definitions:
        if not isinstance(attention, ast.Attention):
            continue
        earlier = found.get(attention.name)
        taken = earlier.attention if earlier else table.find(attention.name)
        if taken is not None:
            mistake = DuplicateDefinition(attention.name, str(taken.span), span=attention.span)
            mistakes.append(mistake)
        for inner in (item for item in attention.body if isinstance(item, ast.Grid)):
            mistakes.append(NotSupported("a grid of one layer of a stack", span=inner.span))
        parameters = AttentionChecker(table, mistakes, grid).check(attention)
        typed = replace(attention, parameters=parameters)
        inputs = {s.name: s for s in attention.body if isinstance(s, ast.Input)}
        found[attention.name] = Program(file, typed, table.all(), inputs, grid)
    return found


def _with_attentions(table: MaskTable, programs: Mapping[str, Program]) -> MaskTable:
    """The table with the attentions among the masks: both are called in the same way."""
    everything = ast.Comprehension(ast.Bool(True))
    called = {
        name: ast.MaskDefinition(name, program.attention.parameters, everything)
        for name, program in programs.items()
    }
    return MaskTable(table.all() | called, grid=table.grid)


def _checked(stack: ast.Stack, table: MaskTable, mistakes: list[Diagnostic]) -> ast.Stack:
    """The stack with its parameters typed."""
    before, scope = len(mistakes), Scope("mask", masks=table.names(), grid=table.grid)
    parameters = typed_parameters(stack.parameters, scope, mistakes)
    if not any(p.name == LAYERS and p.type == "int" for p in parameters):
        mistakes.append(StackIncomplete(stack.name, "how many layers it has", span=stack.span))
    rules = [item for item in stack.body if isinstance(item, ast.LayerStatement)]
    if not rules:
        mistakes.append(StackIncomplete(stack.name, "what its layers are", span=stack.span))
    for extra in rules[1:]:
        mistakes.append(DuplicateStatement("layer", str(rules[0].span), span=extra.span))
    expressions = ExpressionChecker(scope, mistakes)
    scope.used.clear()
    for item in stack.body:
        if isinstance(item, ast.AssertStatement):
            check_assertion(item, expressions, table)
            continue
        symbols = {**scope.symbols, item.variable: Symbol("int", Level.CONSTANT)}
        inner = Scope("mask", symbols, used=scope.used, masks=scope.masks, grid=scope.grid)
        for case in item.cases:
            _case(case, ExpressionChecker(inner, mistakes), table)
    if len(mistakes) == before:
        mistakes += unused_parameters(parameters, scope.used | {LAYERS})
    return replace(stack, parameters=parameters)


def _case(case: ast.LayerCase, expressions: ExpressionChecker, table: MaskTable) -> None:
    SetChecker(expressions, table).check(case.pattern)
    given = (*case.pattern.arguments, *(value for _, value in case.pattern.keywords))
    quiet = ExpressionChecker(expressions.scope, [])
    if any(quiet.infer(value).level > Level.CONSTANT for value in given):
        text = print_set(case.pattern)
        expressions.fail(LayerVaries(text, span=case.pattern.span))
    if case.condition is not None and expressions.condition(case.condition).level > Level.CONSTANT:
        text = print_expression(case.condition)
        expressions.fail(LayerVaries(text, span=case.condition.span))
