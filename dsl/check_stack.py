"""One stack: from a parsed file to a `StackProgram`, or to what is wrong with it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from attnc.dsl import syntax as ast
from attnc.dsl.branch_forms import own_statements
from attnc.dsl.check_assertion import check_assertion
from attnc.dsl.check_expression import ExpressionChecker
from attnc.dsl.check_grid import grid_of
from attnc.dsl.check_masks import MaskTable, typed_parameters, unused_parameters
from attnc.dsl.check_route import declare_routes
from attnc.dsl.check_segments import segments_of
from attnc.dsl.check_set import SetChecker
from attnc.dsl.checker import checked_masks, checked_program, raise_all, refuse_unbuilt
from attnc.dsl.complexity import calls
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes.forms import DuplicateStatement
from attnc.dsl.mistakes.names import DuplicateDefinition
from attnc.dsl.mistakes.stacks import LayerVaries, StackIncomplete
from attnc.dsl.mistakes.syntax import NotSupported
from attnc.dsl.print_nodes import print_expression, print_set
from attnc.dsl.program import Program
from attnc.dsl.route_masks import route_masks
from attnc.dsl.scope import Level, Scope, Symbol
from attnc.dsl.stack import LAYERS, StackProgram


def check_stack(file: ast.File, masks: Mapping[str, ast.MaskDefinition]) -> StackProgram:
    """The checked stack of a file, given the masks that it imports. Raises `DiagnosticsError`."""
    refuse_unbuilt(file)
    mistakes: list[Diagnostic] = []
    table = checked_masks(file, masks, mistakes)
    programs = _attentions(file, table, mistakes)
    stack, *others = (d for d in file.definitions if isinstance(d, ast.Stack))
    first = str(stack.span)
    mistakes += [DuplicateStatement("stack", first, span=other.span) for other in others]
    table = _with_layers(file, stack, table, mistakes)
    typed = _checked(stack, _with_attentions(table, programs), mistakes)
    raise_all(list({(m, m.span): m for m in mistakes}.values()))  # layers may share a route
    found = {**table.all(), **route_masks(table.routes)}
    segments = segments_of(file, None)
    return StackProgram(file, typed, found, programs, grid_of(file, None), segments, table.routes)


def _attentions(file: ast.File, table: MaskTable, mistakes: list[Diagnostic]) -> dict[str, Program]:
    """The attentions of the file by name; all have its grid, and those of its routes they call."""
    found: dict[str, Program] = {}
    for attention in file.definitions:
        if not isinstance(attention, ast.Attention):
            continue
        earlier = found.get(attention.name)
        taken = earlier.attention if earlier else table.find(attention.name)
        if taken is not None:
            mistake = DuplicateDefinition(attention.name, str(taken.span), span=attention.span)
            mistakes.append(mistake)
        for inner in (i for i in attention.body if isinstance(i, ast.Grid | ast.Segment)):
            word = type(inner).__name__.lower()
            mistakes.append(NotSupported(f"a {word} of one layer of a stack", span=inner.span))
        statements = own_statements(attention)
        called = _called([s.body for s in statements if isinstance(s, ast.MaskStatement)])
        own = replace(table, own=dict(table.own), routes={}, answers={})
        program = checked_program(_with_routes(file, called), attention, own, mistakes)
        found[attention.name] = replace(program, file=file)
    return found


def _with_layers(
    file: ast.File, stack: ast.Stack, table: MaskTable, mistakes: list[Diagnostic]
) -> MaskTable:
    """The table with the routes that layers call themselves, and with those that nothing calls."""
    bodies = {a.name: own_statements(a) for a in file.definitions if isinstance(a, ast.Attention)}
    sets = [s.body for body in bodies.values() for s in body if isinstance(s, ast.MaskStatement)]
    elsewhere = _reached(file, _called(sets))
    rules = [item for item in stack.body if isinstance(item, ast.LayerStatement)]
    called = _reached(file, _called([case.pattern for rule in rules for case in rule.cases]))
    called |= {d.name for d in file.definitions if isinstance(d, ast.Route)} - elsewhere
    own = replace(table, own=dict(table.own), routes={}, answers={})
    nothing = ast.Attention(stack.name, (), ())
    declare_routes(_with_routes(file, called), nothing, {}, own, mistakes, grid_of(file, None))
    return own


def _called(sets: Iterable[ast.SetExpr]) -> set[str]:
    return {call.name for body in sets for call in calls(body)}


def _reached(file: ast.File, names: set[str]) -> set[str]:
    """The routes of these names and those that they call, to any depth: earlier ones."""
    found = set(names)
    for route in reversed([d for d in file.definitions if isinstance(d, ast.Route)]):
        if route.name in found:
            found |= _called([s.body for s in route.body if isinstance(s, ast.RouteSet)])
    return found


def _with_routes(file: ast.File, names: set[str]) -> ast.File:
    """The file with only those routes that these names reach."""
    reached = _reached(file, names)
    kept = (d for d in file.definitions if not isinstance(d, ast.Route) or d.name in reached)
    return replace(file, definitions=tuple(kept))


def _with_attentions(table: MaskTable, programs: Mapping[str, Program]) -> MaskTable:
    """The table with the attentions among the masks: both are called in the same way."""
    everything = ast.Comprehension(ast.Bool(True))
    called = {
        name: ast.MaskDefinition(name, program.attention.parameters, everything)
        for name, program in programs.items()
    }
    return replace(table, own=table.own | called, answers={})


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
