"""Routes: their clauses, the inputs that these name, and the sets that bound them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from attnc.dsl import syntax as ast
from attnc.dsl.branch_forms import own_statements
from attnc.dsl.check_expression import ExpressionChecker
from attnc.dsl.check_grid import PointChecker, declare_grid
from attnc.dsl.check_masks import MaskTable, typed_parameters, unused_parameters
from attnc.dsl.check_set import SetChecker
from attnc.dsl.complexity import calls
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes import names, routes
from attnc.dsl.mistakes.forms import DuplicateStatement
from attnc.dsl.print_nodes import print_expression
from attnc.dsl.route import called
from attnc.dsl.route_forms import BRANCH, DEFAULTS, FORMS, NEEDED, Argument, form_of
from attnc.dsl.scope import Level, Scope, input_symbol
from attnc.dsl.types import BUILTINS, RESERVED, SCORE

_LATER = "routes are computed after the branches that score for them: write its mask without one"
_EVERYTHING = ast.Comprehension(ast.Bool(True))
_HEADS = {"b", "h", "hkv"}
_WANTED: Mapping[str, tuple[str, str]] = {
    "label": ("int input of tokens", "label: int[token]"),
    "vector": ("float input of queries and columns", "index: float[h, q, d]"),
    "values": ("float input of tokens", "index: float[hkv, token, d]"),
    "summary": ("float input of units or tokens", "landmark: float[hkv, unit, d]"),
}
_TAILS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "label": (("token",),),
    "vector": (("q", "d"),),
    "values": (("token",), ("token", "d")),
    "summary": (("token",), ("token", "d"), ("unit", "d"), ("chooser", "unit"), ("unit",)),
}


@dataclass(frozen=True, slots=True)
class RouteChecker:
    """Checks the routes of a file; `inputs` and `branches` are those of its attention."""

    table: MaskTable
    inputs: Mapping[str, ast.Input]
    branches: Mapping[str, ast.Branch]
    cross: bool
    mistakes: list[Diagnostic]
    declared: frozenset[str] = frozenset()
    grid: ast.Grid | None = None
    read: set[str] = field(default_factory=set)

    def check(self, route: ast.Route) -> ast.Route:
        """The route, its parameters typed; what is wrong is added to the mistakes."""
        before = len(self.mistakes)
        self._name(route)
        scope = Scope("mask", cross=self.cross, masks=self.table.names(), grid=self.table.grid)
        parameters = typed_parameters(route.parameters, scope, self.mistakes)
        for name, declared in self.inputs.items():
            scope.symbols.setdefault(name, input_symbol(declared))
        declare_grid(self.grid, scope, [])  # its mistakes are told where the attention is checked
        scope.used.clear()
        expressions = ExpressionChecker(scope, self.mistakes)
        for item in route.body:
            match item:
                case ast.RouteClause():
                    self._clause(item, expressions)
                case ast.RouteSet(_, body):
                    SetChecker(expressions, self.table).check(body)
                    if self.grid is not None:
                        masks, routes_ = self.table.all(), frozenset(self.table.routes)
                        PointChecker(self.grid, masks, self.mistakes, routes_).check(body)
        self._whole(route)
        self.read.update(scope.used & set(self.inputs))
        if len(self.mistakes) == before:
            self.mistakes.extend(unused_parameters(parameters, scope.used))
            self.mistakes.extend(_conflicts(route, self.table.grid))
        return replace(route, parameters=parameters)

    def _name(self, route: ast.Route) -> None:
        """A route is called as a mask, and its result is a keyword of the operator."""
        earlier = self.table.find(route.name) or self.inputs.get(route.name)
        if route.name in (*BUILTINS, SCORE):
            self.mistakes.append(names.ShadowsBuiltin(route.name, span=route.span))
        elif earlier is not None:
            first = str(earlier.span)
            self.mistakes.append(names.DuplicateDefinition(route.name, first, span=route.span))
        elif route.name in RESERVED:
            why = "it is a keyword of attnc.compile or of the compiled operator"
            self.mistakes.append(names.ReservedName(route.name, why, span=route.span))

    def _clause(self, clause: ast.RouteClause, expressions: ExpressionChecker) -> None:
        form = form_of(clause, self.table.grid)
        if form is None and clause.kind == "summary" and clause.form in self.inputs:
            expressions.scope.used.add(clause.form)
            self._input(ast.Name(clause.form, span=clause.span), "summary")
            return
        if form is None:
            known = tuple(FORMS[clause.kind])
            mistake: Diagnostic
            mistake = routes.UnknownRouteForm(clause.kind, clause.form, known, span=clause.span)
            self.mistakes.append(mistake)
            return
        given = form.given(clause)
        if given is None:
            mistake = routes.RouteArguments(
                clause.kind, clause.form, form.example, span=clause.span
            )
            self.mistakes.append(mistake)
            return
        for name, value in given.items():
            self._argument(form.kind(name), value, expressions)

    def _argument(self, kind: Argument, value: ast.Expr, expressions: ExpressionChecker) -> None:
        if kind == "branch":
            self._branch(value)
            return
        if kind in _TAILS:
            if isinstance(value, ast.Name):
                expressions.scope.used.add(value.id)
            self._input(value, kind)
            return
        found = expressions.number(value) if kind == "share" else expressions.integer(value)
        limit = Level.CONSTANT if kind == "size" else Level.HEAD
        if found.level > limit:
            self.mistakes.append(routes.RouteVaries(span=value.span))

    def _branch(self, value: ast.Expr) -> None:
        """Refuses what is no branch, and one that would have to be computed after the route."""
        branch = self.branches.get(value.id) if isinstance(value, ast.Name) else None
        if branch is None:
            text, known = print_expression(value), tuple(self.branches)
            self.mistakes.append(routes.RouteBranch(text, known, span=value.span))
            return
        for statement in branch.body:
            if isinstance(statement, ast.MaskStatement):
                for call in calls(statement.body):
                    if call.name in self.declared:
                        what = f"branch `{branch.name}` scores units, and `{call.name}` is a route"
                        self.mistakes.append(routes.RouteConflict(what, _LATER, span=call.span))

    def _input(self, value: ast.Expr, kind: str) -> None:
        """Refuses what is no input of this kind."""
        declared = self.inputs.get(value.id) if isinstance(value, ast.Name) else None
        wanted_dtype = "int" if kind == "label" else "float"
        tail = tuple(axis for axis in declared.axes if axis not in _HEADS) if declared else ()
        if declared is None or declared.dtype != wanted_dtype or tail not in _TAILS[kind]:
            text = print_expression(value)
            mistake = routes.RouteInput(text, *_WANTED[kind], span=value.span)
            self.mistakes.append(mistake)

    def _whole(self, route: ast.Route) -> None:
        """Each kind of clause once; what is chosen and how many must be said."""
        first: dict[str, ast.RouteClause | ast.RouteSet] = {}
        for item in route.body:
            kind = item.kind.split()[0]
            if kind in first:
                at = str(first[kind].span)
                self.mistakes.append(DuplicateStatement(kind, at, span=item.span))
            first.setdefault(kind, item)
        for kind, (what, example) in NEEDED.items():
            if kind not in first:
                facts = (route.name, what, example)
                self.mistakes.append(routes.RouteIncomplete(*facts, span=route.span))


def clause_of(route: ast.Route, kind: str) -> ast.RouteClause | None:
    """The clause of a kind, None where it is left out."""
    found = (c for c in route.body if isinstance(c, ast.RouteClause) and c.kind == kind)
    return next(found, None)


def _conflicts(route: ast.Route, axes: tuple[str, ...]) -> list[Diagnostic]:
    """Clauses that have no meaning together, or on a grid of these axes."""
    forms = {kind: getattr(clause_of(route, kind), "form", None) for kind in FORMS}
    estimated = forms["summary"] == "probability"
    found = []
    if estimated != (forms["queries"] == "last"):
        what = "`summary probability` and `queries last(n)` belong together"
        advice = "the last n queries attend to every key, and units get their probabilities"
        found.append((what, advice))
    asked = clause_of(route, "queries") or DEFAULTS["queries"]
    form = form_of(asked, axes)
    given = form.given(asked) if form is not None else None
    if forms["summary"] == BRANCH and "by" in (given or {}):
        found.append(("`summary branch` has the queries of its branch", "leave out `by`"))
    if forms["keys"] == "diagonals" and not estimated:
        what = "a diagonal has no keys of its own to score"
        found.append((what, "estimate it: `queries last(64)  summary probability`"))
    if forms["keys"] == "diagonals" and axes:
        what = "points of a grid have no distance in tokens, so that there are no diagonals"
        found = [(what, f"choose boxes: `keys blocks({axes[-1]} = 8)`")]
    return [routes.RouteConflict(*facts, span=route.span) for facts in found]


def declare_routes(
    file: ast.File,
    attention: ast.Attention,
    inputs: Mapping[str, ast.Input],
    table: MaskTable,
    mistakes: list[Diagnostic],
    grid: ast.Grid | None = None,
) -> frozenset[str]:
    """Checks the routes of a file and enters them among its masks; the inputs that they read.

    A route may call the routes before it, so that none can need itself.
    """
    cross = any(isinstance(s, ast.CrossStatement) for s in attention.body)
    branches = {s.name: s for s in attention.body if isinstance(s, ast.Branch)}
    names = frozenset(d.name for d in file.definitions if isinstance(d, ast.Route))
    checker = RouteChecker(table, inputs, branches, cross, mistakes, names, grid)
    for route in file.definitions:
        if isinstance(route, ast.Route):
            typed = checker.check(route)
            table.routes[route.name] = typed
            pairs = ast.MaskDefinition(route.name, typed.parameters, _EVERYTHING, span=route.span)
            table.own.setdefault(route.name, pairs)
    masks = (s.body for s in own_statements(attention) if isinstance(s, ast.MaskStatement))
    mistakes += _called_twice([call for m in masks for call in called(m, table.routes)])
    return frozenset(checker.read)


def _called_twice(found_calls: list[ast.SetCall]) -> list[Diagnostic]:
    """Calls of a route whose arguments are not those of its first call."""
    first: dict[str, ast.SetCall] = {}
    found: list[Diagnostic] = []
    for call in found_calls:
        if first.setdefault(call.name, call) != call:
            at = str(first[call.name].span)
            found.append(routes.RouteTwice(call.name, at, span=call.span))
    return found
