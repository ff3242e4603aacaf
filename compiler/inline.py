"""From a bound spec to one closed formula: names, parameters and set operators inlined.

The result mentions only the built-ins `q k h b len qlen`, inputs and, where a wide `exists` is
kept, its variable. Constants are folded. A list indexed by `h` becomes `at([..], h)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never

from attnc.compiler import fold
from attnc.compiler.errors import NotAffineError
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex, HeadCountMismatch, HeadsMissing, SeveralMasks

if TYPE_CHECKING:
    from attnc.dsl.program import Bound
    from attnc.dsl.stack import BoundStack

AT = "at"  # the function that `list[h]` becomes: at(List, index)
NODE_LIMIT = 20_000
UNROLL_LIMIT = 64
LIFTED = ("q", "k", "len", "qlen")  # what `M on y` takes from the axis

Environment = Mapping[str, ast.Expr]


def mask_condition(bound: "Bound", heads: int | None, kv_heads: int | None) -> ast.Expr:
    """The pairs of the mask as one boolean formula; `Bool(True)` where there is no mask.

    Raises `HeadsMissing` if the formula needs a head count that is None, `AnalysisTooComplex` if it
    grows past `NODE_LIMIT` nodes.
    """
    if bound.merge is not None:
        raise SeveralMasks(bound.name)
    if bound.mask is None:
        return ast.Bool(True)
    return pairs_condition(bound.mask, bound, heads, kv_heads)


def pairs_condition(
    pairs: ast.SetExpr, bound: "Bound", heads: int | None, kv_heads: int | None
) -> ast.Expr:
    """The same for a part of the mask."""
    inliner = _inliner(bound, heads, kv_heads)
    return _guarded(lambda: inliner.pairs(pairs, _constants(bound.values)))


def closed_assertion(
    statement: ast.AssertStatement,
    bound: "Bound | BoundStack",
    heads: int | None,
    kv_heads: int | None,
) -> ast.AssertStatement:
    """An assertion with its numbers computed, and its set as one condition."""
    inliner, values = _inliner(bound, heads, kv_heads), _constants(bound.values)
    limit, other = statement.limit, statement.other
    return replace(
        statement,
        arguments=tuple(inliner.close(argument, values) for argument in statement.arguments),
        limit=None if limit is None else inliner.close(limit, values),
        other=None if other is None else ast.Comprehension(inliner.pairs(other, values)),
    )


def score_expression(bound: "Bound", heads: int | None, kv_heads: int | None) -> ast.Expr | None:
    """The score as a formula over `s`, built-ins and inputs; None where the spec has none."""
    score = bound.score
    if score is None:
        return None
    inliner = _inliner(bound, heads, kv_heads)
    return _guarded(lambda: inliner.close(score, _constants(bound.values)))


def sink_expression(bound: "Bound", heads: int | None, kv_heads: int | None) -> ast.Expr | None:
    """The logit of the normaliser's extra term, over heads and inputs; None where there is none."""
    sink = bound.sink
    if sink is None:
        return None
    inliner = _inliner(bound, heads, kv_heads)
    return _guarded(lambda: inliner.close(sink, _constants(bound.values)))


def output_expression(bound: "Bound", heads: int | None, kv_heads: int | None) -> ast.Expr | None:
    """The `output` over `o`, built-ins and inputs; None where outputs are left as they are."""
    output = bound.output
    if output is None:
        return None
    inliner = _inliner(bound, heads, kv_heads)
    return _guarded(lambda: inliner.close(output, _constants(bound.values)))


def _any(cases: list[ast.Expr]) -> ast.Expr:
    """The disjunction as a balanced tree, so that many cases do not nest deeply."""
    match cases:
        case []:
            return ast.Bool(False)
        case [case]:
            return case
        case _:
            half = (len(cases) + 1) // 2
            return fold.disjunction(_any(cases[:half]), _any(cases[half:]))


def _guarded(build: Callable[[], ast.Expr]) -> ast.Expr:
    try:
        return build()
    except RecursionError:
        raise AnalysisTooComplex("it is nested too deeply") from None


def _inliner(bound: "Bound | BoundStack", heads: int | None, kv_heads: int | None) -> "_Inliner":
    counts = {"heads": heads, "kv_heads": kv_heads}
    extents = {extent: label for label, extent in bound.grid if isinstance(extent, str)}
    return _Inliner(bound.program.masks, counts, extents)


def constant(value: object) -> ast.Expr:
    """A Python value as a node: bool, int, float or a sequence of them."""
    match value:
        case bool():
            return ast.Bool(value)
        case int():
            return ast.Int(value)
        case float():
            return ast.Float(value)
        case list() | tuple():
            return ast.List(tuple(constant(item) for item in value))
        case _:
            raise TypeError(f"no constant of the language: {value!r}")


def _constants(values: Mapping[str, object]) -> Environment:
    return {name: constant(value) for name, value in values.items()}


@dataclass(slots=True)
class _Inliner:
    masks: Mapping[str, ast.MaskDefinition]
    counts: Mapping[str, int | None]
    extents: Mapping[str, str]
    nodes: int = field(default=0)
    variables: int = field(default=0)

    def pairs(self, body: ast.SetExpr, env: Environment) -> ast.Expr:
        """A set expression as the condition for a pair to be in it."""
        match body:
            case ast.Comprehension(condition):
                return self.close(condition, env)
            case ast.SetBinary("-", left, right):
                return fold.conjunction(
                    self.pairs(left, env), fold.negation(self.pairs(right, env))
                )
            case ast.SetBinary(op, left, right):
                join = fold.conjunction if op == "&" else fold.disjunction
                return join(self.pairs(left, env), self.pairs(right, env))
            case ast.Complement(operand):
                return fold.negation(self.pairs(operand, env))
            case ast.When(operand, condition):
                return fold.conjunction(self.close(condition, env), self.pairs(operand, env))
            case ast.SetCall():
                return self._called(body, env)
            case ast.OnAxis(operand, axis):
                return self.pairs(operand, {**env, **self._axis(axis)})
            case _:
                assert_never(body)

    def _axis(self, axis: str) -> Environment:
        """What positions and lengths become on an axis."""
        points = {name: ast.Name(f"{name}.{axis}") for name in ("q", "k", "len")}
        return {**points, "qlen": points["len"]}

    def _called(self, call: ast.SetCall, env: Environment) -> ast.Expr:
        mask = self.masks[call.name]
        given = dict(zip((p.name for p in mask.parameters), call.arguments, strict=False))
        given |= dict(call.keywords)
        inner = {name: env[name] for name in LIFTED if name in env}
        for parameter in mask.parameters:
            if parameter.name in given:
                inner[parameter.name] = self.close(given[parameter.name], env)
            elif parameter.default is not None:
                inner[parameter.name] = self.close(parameter.default, inner)
        return self.pairs(mask.body, inner)

    def close(self, expr: ast.Expr, env: Environment) -> ast.Expr:
        """A scalar expression with its names replaced and its constants folded."""
        self.nodes += 1
        if self.nodes > NODE_LIMIT:
            raise AnalysisTooComplex(f"written out it has more than {NODE_LIMIT} nodes")
        match expr:
            case ast.Int() | ast.Float() | ast.Bool():
                return expr
            case ast.List(items):
                return ast.List(tuple(self.close(item, env) for item in items))
            case ast.Name(name):
                return self._named(expr, name, env)
            case ast.Index():
                return self._indexed(expr, env)
            case ast.Member(value, base, given):
                indices = tuple(self.close(index, env) for index in given)
                return ast.Member(self.close(value, env), base, indices, span=expr.span)
            case ast.Unary(op, operand):
                return fold.unary(op, self.close(operand, env))
            case ast.Binary(op, left, right):
                return fold.binary(op, self.close(left, env), self.close(right, env))
            case ast.Compare(ops, operands):
                return fold.compare(ops, tuple(self.close(o, env) for o in operands))
            case ast.Call(function, arguments):
                return fold.call(function, tuple(self.close(a, env) for a in arguments))
            case ast.Exists():
                return self._exists(expr, env)
            case _:
                assert_never(expr)

    def _named(self, expr: ast.Expr, name: str, env: Environment) -> ast.Expr:
        if name in env:
            return env[name]
        if name in self.extents:
            return ast.Name(f"len.{self.extents[name]}")
        if name in self.counts:
            count = self.counts[name]
            if count is None:
                raise HeadsMissing(name)
            return ast.Int(count)
        return expr

    def _indexed(self, expr: ast.Index, env: Environment) -> ast.Expr:
        indices = tuple(self.close(index, env) for index in expr.indices)
        match env.get(expr.base):
            case ast.List() as items:
                return self._item(expr.base, items, indices[0])
            case ast.Name(base):
                return ast.Index(base, indices, span=expr.span)
            case _:
                return ast.Index(expr.base, indices, span=expr.span)

    def _item(self, name: str, items: ast.List, index: ast.Expr) -> ast.Expr:
        heads, length = self.counts["heads"], len(items.items)
        match index:
            case ast.Int(value) if 0 <= value < length:
                return items.items[value]
            case ast.Int(value):
                raise HeadCountMismatch(name, length, value + 1)
            case ast.Name("h") if heads is not None and heads != length:
                raise HeadCountMismatch(name, length, heads)
        if len(set(items.items)) == 1 and heads is not None:
            return items.items[0]
        return ast.Call(AT, (items, index))

    def _exists(self, expr: ast.Exists, env: Environment) -> ast.Expr:
        match self.close(expr.low, env), self.close(expr.high, env):
            case ast.Int(low), ast.Int(high):
                pass
            case _:
                raise NotAffineError("the bounds of `exists` are not constant")
        if high - low > UNROLL_LIMIT:
            kept = self._kept(expr, env, low, high)
            if kept is not None:
                return kept
            if high - low > NODE_LIMIT:
                raise AnalysisTooComplex(f"`exists` over {high - low} values has to be written out")
        cases = [
            self.close(expr.body, {**env, expr.variable: ast.Int(value)})
            for value in range(low, high)
        ]
        return _any(cases)

    def _kept(self, expr: ast.Exists, env: Environment, low: int, high: int) -> ast.Expr | None:
        self.variables += 1
        variable = f"{expr.variable}_{self.variables}"
        body = self.close(expr.body, {**env, expr.variable: ast.Name(variable)})
        if not fold.affine_in(body, variable):
            return None
        return ast.Exists(variable, ast.Int(low), ast.Int(high), body)
