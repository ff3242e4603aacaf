"""A route with values for its parameters: what is chosen, by whom, by which score, how many."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from attnc.dsl import syntax as ast
from attnc.dsl.complexity import calls, nodes
from attnc.dsl.constants import Environment, Value, evaluate
from attnc.dsl.route_forms import BRANCH, DEFAULTS, FORMS, form_of

Units = Literal["token", "blocks", "cluster", "diagonals", "boxes"]
Choosers = Literal["token", "blocks", "group", "head", "call", "last"]
Rule = Literal["top", "bottom", "top_p", "above"]
Box = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class BoundRoute:
    """One route of a bound spec.

    Unit j of `blocks` covers the positions [j * stride, j * stride + size); a chooser is `rows`
    consecutive queries of a head or, for `group`, of the heads that share a KV head; of `head`,
    `call` and `last` all queries, or the last `rows`. `summary` is how keys (or the input `source`)
    become one vector of a unit; the input alone where it is `input`. `by` is an input in place of
    the queries; `branch` the one whose probabilities are the scores. `amounts` are the numbers of
    `rule`, one or one for each head. On a grid blocks are boxes of so many points along each axis,
    None standing for all: units of `box`, choosers of `query_box`, numbered in row-major order;
    `label` is then the tensor that says in which unit a key is.
    """

    name: str
    values: Mapping[str, Value]
    units: Units
    size: int
    stride: int
    label: str | None
    choosers: Choosers
    rows: int
    by: str | None
    summary: str
    source: str | None
    branch: str | None
    rule: Rule
    amounts: tuple[int | float, ...]
    within: bool
    any: bool
    keep: bool
    box: Box = ()
    query_box: Box = ()

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the run-time set that it is: a list for each query, or one of a head."""
        return ("h",) if self.choosers in ("head", "call", "last") else ("h", "q")

    def call(self, part: str) -> ast.SetCall:
        """`within` or `keep` as the call of a mask, its arguments read from `prefixed`."""
        arguments = tuple(_read(f"{self.name}.{n}", value) for n, value in self.values.items())
        return ast.SetCall(f"{self.name}.{part}", arguments)

    @property
    def prefixed(self) -> dict[str, Value]:
        """The values of the parameters under the names that `call` reads."""
        return {f"{self.name}.{name}": value for name, value in self.values.items()}

    @property
    def shares(self) -> bool:
        """Whether its scores are probabilities already, up to a factor."""
        return self.summary in ("probability", BRANCH)


def _read(name: str, value: Value) -> ast.Expr:
    return ast.Index(name, (ast.Name("h"),)) if isinstance(value, tuple) else ast.Name(name)


def set_of(route: ast.Route, kind: str) -> ast.RouteSet | None:
    """`within` or `keep` of a route; None where it is left out."""
    found = (s for s in route.body if isinstance(s, ast.RouteSet) and s.kind.startswith(kind))
    return next(found, None)


def clauses(route: ast.Route) -> dict[str, ast.RouteClause]:
    """The clauses by kind, defaults filled in."""
    return {**DEFAULTS, **{c.kind: c for c in route.body if isinstance(c, ast.RouteClause)}}


def called(body: ast.SetExpr, routes: Mapping[str, ast.Route]) -> Iterator[ast.SetCall]:
    """The calls of routes in a set, in the order written."""
    return (call for call in calls(body) if call.name in routes)


def bind_routes(
    mask: ast.SetExpr,
    routes: Mapping[str, ast.Route],
    values: Mapping[str, Value],
    axes: Sequence[str] = (),
) -> tuple[BoundRoute, ...]:
    """The routes that a mask calls, each after those that its own sets call.

    `axes` are those of the grid that the mask is on.
    """
    found: dict[str, BoundRoute] = {}

    def visit(body: ast.SetExpr, environment: Environment) -> None:
        for call in called(body, routes):
            if call.name not in found:
                route = routes[call.name]
                own = _arguments(call, route, environment)
                for item in route.body:
                    if isinstance(item, ast.RouteSet):
                        visit(item.body, own)
                found[call.name] = _bound(route, own, axes)

    visit(mask, values)
    return tuple(found.values())


def _arguments(call: ast.SetCall, route: ast.Route, environment: Environment) -> dict[str, Value]:
    """The value of each parameter of a route; a tuple where it is one for each head."""
    names = (parameter.name for parameter in route.parameters)
    given = dict(zip(names, call.arguments, strict=False)) | dict(call.keywords)
    own: dict[str, Value] = {}
    for parameter in route.parameters:
        expr = given.get(parameter.name)
        value = _value(expr, environment) if expr is not None else None
        if value is None and parameter.default is not None:
            value = evaluate(parameter.default, own)
        if value is not None:
            own[parameter.name] = value
    return own


def _value(expr: ast.Expr, environment: Environment) -> Value | None:
    """The value of an argument, a tuple of one for each head where it reads an item of a list."""
    found = {node.base for node in nodes(expr) if isinstance(node, ast.Index)}
    found |= {n.id for n in nodes(expr) if isinstance(n, ast.Name) and _per_head(n, environment)}
    if not found:
        return evaluate(expr, environment)
    lists = {name: environment[name] for name in found}
    length = max(len(items) for items in lists.values() if isinstance(items, tuple))
    parts = []
    for h in range(length):
        items = {n: x[min(h, len(x) - 1)] for n, x in lists.items() if isinstance(x, tuple)}
        parts.append(evaluate(_item(expr), {**environment, **items}))
    return tuple(part for part in parts if isinstance(part, int | float))


def _per_head(name: ast.Name, environment: Environment) -> bool:
    return isinstance(environment.get(name.id), tuple)


def _item(expr: ast.Expr) -> ast.Expr:
    """`ns[h]` as `ns`, whose value is then that of one head."""
    match expr:
        case ast.Index(base):
            return ast.Name(base)
        case ast.Unary(op, operand):
            return ast.Unary(op, _item(operand))
        case ast.Binary(op, left, right):
            return ast.Binary(op, _item(left), _item(right))
        case ast.Call(function, arguments):
            return ast.Call(function, tuple(map(_item, arguments)))
        case _:
            return expr


def _bound(route: ast.Route, own: dict[str, Value], axes: Sequence[str]) -> BoundRoute:
    found = clauses(route)
    forms = {kind: form_of(clause, axes) for kind, clause in found.items()}
    given = {
        kind: (form.given(found[kind]) or {}) if form is not None else {}
        for kind, form in forms.items()
    }

    def size(kind: str, name: str, default: int = 1) -> int:
        value = evaluate(given[kind][name], own) if name in given[kind] else default
        return value if isinstance(value, int) else 0

    def named(kind: str, name: str) -> str | None:
        expr = given[kind].get(name)
        return expr.id if isinstance(expr, ast.Name) else None

    def box(kind: str) -> Box:
        boxed = any(axis in given[kind] for axis in axes)
        return tuple(size(kind, a) if a in given[kind] else None for a in axes) if boxed else ()

    (amount,) = (_value(expr, own) for expr in given["choose"].values())
    pooled = found["summary"].form in FORMS["summary"]
    within = set_of(route, "within")
    return BoundRoute(
        name=route.name,
        values=own,
        units="boxes" if box("keys") else found["keys"].form,  # type: ignore[arg-type]
        size=size("keys", "size"),
        stride=size("keys", "stride", size("keys", "size")),
        label=f"attnc_box_{route.name}" if box("keys") else named("keys", "label"),
        choosers=found["queries"].form,  # type: ignore[arg-type]
        rows=size("queries", "size"),
        by=named("queries", "by"),
        summary=found["summary"].form if pooled else "input",
        source=named("summary", "of") if pooled else found["summary"].form,
        branch=named("summary", "name"),
        rule=found["choose"].form,  # type: ignore[arg-type]
        amounts=amount if isinstance(amount, tuple) else (amount,),  # type: ignore[arg-type]
        within=within is not None,
        any=within is not None and within.kind == "within any",
        keep=set_of(route, "keep") is not None,
        box=box("keys"),
        query_box=box("queries"),
    )
