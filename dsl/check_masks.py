"""Named masks: declaration, the types of parameters, and the check of each body."""

from dataclasses import dataclass, field, replace

from attnc.dsl import syntax as ast
from attnc.dsl.check_expression import ExpressionChecker
from attnc.dsl.check_set import SetChecker
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes import affine, names, typing
from attnc.dsl.mistakes.routes import RouteVaries
from attnc.dsl.scope import KIND_WORDS, Kind, Level, Scope, Symbol, parameter_symbol
from attnc.dsl.types import BUILTINS, SCORE


@dataclass(slots=True)
class MaskTable:
    """The masks that one file can name: its own and the imported ones."""

    imported: dict[str, ast.MaskDefinition]
    own: dict[str, ast.MaskDefinition] = field(default_factory=dict)
    grid: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    routes: dict[str, ast.Route] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    answers: dict[tuple[str, frozenset[str]], Diagnostic | None] = field(default_factory=dict)

    def all(self) -> dict[str, ast.MaskDefinition]:
        """Every mask by name."""
        return {**self.imported, **self.own}

    def names(self) -> tuple[str, ...]:
        """All names, for a hint."""
        return (*self.imported, *self.own)

    def find(self, name: str) -> ast.MaskDefinition | None:
        """The definition, with the types of its parameters filled in."""
        return self.own.get(name) or self.imported.get(name)

    def declare(self, mask: ast.MaskDefinition, mistakes: list[Diagnostic]) -> None:
        """Enters a mask of the file, its parameters typed."""
        earlier = self.find(mask.name)
        if mask.name in (*BUILTINS, SCORE):
            mistakes.append(names.ShadowsBuiltin(mask.name, span=mask.span))
        elif earlier is not None:
            first = str(earlier.span)
            mistakes.append(names.DuplicateDefinition(mask.name, first, span=mask.span))
            return
        before = len(mistakes)
        parameters = typed_parameters(mask.parameters, Scope("default"), mistakes)
        for parameter in parameters:
            if parameter.type == "list":
                at = parameter.span
                mistakes.append(typing.TypeMismatch(_ONE_VALUE, "a list", span=at))
        self.own[mask.name] = replace(mask, parameters=parameters)
        if len(mistakes) > before:
            self.broken.add(mask.name)

    def check(self, mask: ast.MaskDefinition, mistakes: list[Diagnostic]) -> None:
        """Checks the body of a mask, its parameters taken as constants."""
        before = len(mistakes)
        scope = self._scope(mask, frozenset())
        SetChecker(ExpressionChecker(scope, mistakes), self).check(mask.body)
        if len(mistakes) > before:
            self.broken.add(mask.name)
        else:
            mistakes += unused_parameters(mask.parameters, scope.used)

    def needs_constant(self, name: str, varying: frozenset[str]) -> Diagnostic | None:
        """Why these parameters of a mask cannot vary; None where they can."""
        mask = self.find(name)
        if mask is None or name in self.broken:
            return None
        if name in self.routes:
            return RouteVaries(span=mask.span)
        key = (name, varying)
        if key not in self.answers:
            found: list[Diagnostic] = []
            checker = ExpressionChecker(self._scope(mask, varying), found)
            SetChecker(checker, self).check(mask.body)
            self.answers[key] = found[0] if found else None
        return self.answers[key]

    def _scope(self, mask: ast.MaskDefinition, varying: frozenset[str]) -> Scope:
        scope = Scope("mask", masks=self.names(), grid=self.grid, segments=self.segments)
        for parameter in mask.parameters:
            level = Level.VARYING if parameter.name in varying else Level.CONSTANT
            scope.symbols[parameter.name] = parameter_symbol(parameter, kind_of(parameter), level)
        return scope


_ONE_VALUE = "an int, a float or a bool (pass one item, `name[h]`)"


def kind_of(parameter: ast.Parameter) -> Kind:
    """The type of a parameter whose type is filled in; of a list, that of its items."""
    match parameter:
        case ast.Parameter(type="list", default=ast.List(items)):
            floats = any(isinstance(_magnitude(item), ast.Float) for item in items)
            return "float" if floats else "int"
        case ast.Parameter(type="float"):
            return "float"
        case ast.Parameter(type="bool"):
            return "bool"
        case _:
            return "int"


def _magnitude(item: ast.Expr) -> ast.Expr:
    match item:
        case ast.Unary("-", operand):
            return operand
        case _:
            return item


def typed_parameters(
    parameters: tuple[ast.Parameter, ...], scope: Scope, mistakes: list[Diagnostic]
) -> tuple[ast.Parameter, ...]:
    """The parameters with their types; enters them into the scope in order."""
    found = []
    for parameter in parameters:
        if parameter.name in (*BUILTINS, SCORE):
            mistakes.append(names.ShadowsBuiltin(parameter.name, span=parameter.span))
        if (earlier := scope.symbols.get(parameter.name)) is not None:
            first = str(earlier.span)
            mistakes.append(names.DuplicateName(parameter.name, first, span=parameter.span))
        typed = replace(parameter, type=_type(parameter, scope, mistakes))
        scope.symbols[parameter.name] = parameter_symbol(typed, kind_of(typed), Level.CONSTANT)
        found.append(typed)
    return tuple(found)


def _type(parameter: ast.Parameter, scope: Scope, mistakes: list[Diagnostic]) -> ast.ParameterType:
    match parameter.type, parameter.default:
        case declared, None:
            return declared or "int"
        case None | "list", ast.List() as items:
            _check_items(parameter, items, scope, mistakes)
            return "list"
        case declared, default:
            return _type_of_default(parameter, declared, default, scope, mistakes)


def _type_of_default(
    parameter: ast.Parameter,
    declared: ast.ParameterType | None,
    default: ast.Expr,
    scope: Scope,
    mistakes: list[Diagnostic],
) -> ast.ParameterType:
    value = ExpressionChecker(scope.at("default"), mistakes).infer(default)
    if value.level > Level.CONSTANT:
        mistakes.append(affine.NonConstantDefault(parameter.name, span=default.span))
    if value.kind == "unknown":
        return declared or "int"
    fits = declared in (None, value.kind) or (declared, value.kind) == ("float", "int")
    if not fits:
        words = "a list" if declared == "list" else KIND_WORDS[declared or "int"]
        found = KIND_WORDS[value.kind]
        mistakes.append(typing.TypeMismatch(words, found, span=default.span))
    return declared or ("int" if value.kind == "set" else value.kind)


def _check_items(
    parameter: ast.Parameter, items: ast.List, scope: Scope, mistakes: list[Diagnostic]
) -> None:
    """Items are literal numbers, so that a list says what it holds."""
    if not items.items:
        mistakes.append(typing.TypeMismatch("at least one item", "an empty list", span=items.span))
    for item in items.items:
        if not isinstance(_magnitude(item), ast.Int | ast.Float):
            mistakes.append(typing.TypeMismatch("a literal number", "a formula", span=item.span))


def unused_parameters(parameters: tuple[ast.Parameter, ...], used: set[str]) -> list[Diagnostic]:
    """One mistake for each parameter that neither a formula nor a later default reads."""
    scope = Scope("default", {p.name: Symbol("unknown") for p in parameters})
    for parameter in parameters:
        if parameter.default is not None:
            ExpressionChecker(scope, []).infer(parameter.default)
    read = used | scope.used | {*BUILTINS, SCORE}
    return [names.UnusedParameter(p.name, span=p.span) for p in parameters if p.name not in read]
