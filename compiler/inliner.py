"""Names, parameters and set operators written out, node by node."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from attnc.compiler import fold
from attnc.compiler.affine import affine_in
from attnc.compiler.errors import NotAffineError
from attnc.compiler.head_lists import AT, by_head
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex, HeadCountMismatch, HeadsMissing
from attnc.dsl.place import GRID, Place, coordinate_input

NODE_LIMIT = 20_000
UNROLL_LIMIT = 64
LIFTED = ("q", "k", "len", "qlen")  # what `M on y` takes from the axis

Environment = Mapping[str, ast.Expr]


@dataclass(slots=True)
class Inliner:
    """Writes out the formulas of one spec; `counts` are the head counts."""

    masks: Mapping[str, ast.MaskDefinition]
    counts: Mapping[str, int | None]
    sizes: Mapping[str, str]  # what lengths and extents are called in formulas
    place: Place | None = None
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
            case ast.OnAxis() if self.place is not None and not self.place.on_grid:
                return ast.Bool(False)
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
            case ast.Member():
                return self._member(expr, env)
            case ast.Unary(op, operand):
                return fold.unary(op, self.close(operand, env))
            case ast.Binary(op, left, right):
                return self._binary(op, self.close(left, env), self.close(right, env))
            case ast.Compare(ops, operands):
                return self._compare(ops, tuple(self.close(o, env) for o in operands))
            case ast.Call(function, arguments):
                return self._call(function, tuple(self.close(a, env) for a in arguments))
            case ast.Exists():
                return self._exists(expr, env)
            case _:
                assert_never(expr)

    def _named(self, expr: ast.Expr, name: str, env: Environment) -> ast.Expr:
        if name in env:
            return env[name]
        if name in self.sizes:
            return ast.Name(self.sizes[name])
        if self.place is not None and self._is_data(name):
            return ast.Index(coordinate_input(name), (ast.Name(name[0]),))
        if name in self.counts:
            count = self.counts[name]
            if count is None:
                raise HeadsMissing(name)
            return ast.Int(count)
        return expr

    def _member(self, expr: ast.Member, env: Environment) -> ast.Expr:
        match expr:
            case ast.Member(ast.Name(side), base, ()) if self.place is not None:
                return ast.Bool(self.place.part(side) == base)
            case ast.Member(value, base, given):
                indices = tuple(self.close(index, env) for index in given)
                return ast.Member(self.close(value, env), base, indices, span=expr.span)

    def _is_data(self, name: str) -> bool:
        """Whether it is a coordinate on the grid, while the other side is off it."""
        place, (side, dot, _) = self.place, name.partition(".")
        return bool(dot and place and not place.on_grid and place.part(side) == GRID)

    def _binary(self, op: str, left: ast.Expr, right: ast.Expr) -> ast.Expr:
        """An operation; one that reads what a place lacks is not folded (`q.y mod 1` is no 0)."""
        if self._given(left, right) != ast.Bool(True):
            return ast.Binary(op, left, right)  # type: ignore[arg-type]
        return fold.binary(op, left, right)

    def _call(self, function: str, arguments: tuple[ast.Expr, ...]) -> ast.Expr:
        """A function; `chance` is a test, hence false where it reads what a place lacks."""
        given = self._given(*arguments) if function == "chance" else ast.Bool(True)
        if given == ast.Bool(True):
            return fold.call(function, arguments)
        return fold.conjunction(given, fold.call(function, tuple(map(_filled, arguments))))

    def _compare(self, ops: tuple[str, ...], operands: tuple[ast.Expr, ...]) -> ast.Expr:
        """A comparison; false where it reads a coordinate that the tokens of the place lack."""
        given = self._given(*operands)
        if given != ast.Bool(True):
            operands = tuple(map(_filled, operands))
        compared = by_head(ast.Compare(ops, operands))  # type: ignore[arg-type]
        return fold.conjunction(given, compared)

    def _given(self, *exprs: ast.Expr) -> ast.Expr:
        """Where the tokens of the place have the coordinates that numbers read.

        Coordinates that they have are data by now; `where` reads the branch that it takes.
        """
        if self.place is None or self.place.on_grid:
            return ast.Bool(True)
        given: ast.Expr = ast.Bool(True)
        for expr in exprs:
            match expr:
                case ast.Name(name):
                    here: ast.Expr = ast.Bool("." not in name)
                case ast.Call("where", (condition, yes, no)):
                    taken = fold.conjunction(condition, self._given(yes))
                    other = fold.conjunction(fold.negation(condition), self._given(no))
                    here = fold.disjunction(taken, other)
                case _:
                    here = self._given(*fold.children(expr))
            given = fold.conjunction(given, here)
        return given

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
        if not affine_in(body, variable):
            return None
        return ast.Exists(variable, ast.Int(low), ast.Int(high), body)


def _filled(expr: ast.Expr) -> ast.Expr:
    """The expression with some number for each coordinate that is not there."""
    return fold.substitute(expr, {n: ast.Int(0) for n in fold.names(expr) if "." in n})


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
