"""Types and levels of scalar expressions, and the rules of masks and scores about them."""

from dataclasses import dataclass, replace
from typing import assert_never

from attnc.dsl import syntax as ast
from attnc.dsl.check_draw import DRAWS, check_draw
from attnc.dsl.check_index import check_index
from attnc.dsl.check_member import check_member
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes import affine, grids, names, sets, typing
from attnc.dsl.print_nodes import print_expression
from attnc.dsl.scope import KIND_WORDS, UNKNOWN, Kind, Level, Scope, Symbol, Typed, highest
from attnc.dsl.types import BUILTINS, FUNCTIONS, SCORE

_LITERALS: dict[type[ast.Expr], Kind] = {ast.Int: "int", ast.Float: "float", ast.Bool: "bool"}


@dataclass(frozen=True, slots=True)
class ExpressionChecker:
    """Infers types in one scope, adding what is wrong to `mistakes`."""

    scope: Scope
    mistakes: list[Diagnostic]

    def condition(self, expr: ast.Expr) -> Typed:
        """Checks an expression that must be a condition."""
        return self._expect(expr, self.infer(expr), ("bool",), "a condition")

    def number(self, expr: ast.Expr) -> Typed:
        """Checks an expression that must be an int or a float."""
        return self._expect(expr, self.infer(expr), ("int", "float"), "a number")

    def integer(self, expr: ast.Expr) -> Typed:
        """Checks an expression that must be an int."""
        return self._expect(expr, self.infer(expr), ("int",), "an int")

    def fail(self, mistake: Diagnostic) -> Typed:
        """Notes a mistake; the expression has no known type."""
        self.mistakes.append(mistake)
        return UNKNOWN

    def infer(self, expr: ast.Expr) -> Typed:
        """The type and level of any expression."""
        match expr:
            case ast.Int() | ast.Float() | ast.Bool():
                return Typed(_LITERALS[type(expr)])
            case ast.Name(name):
                return self._name(expr, name)
            case ast.Index():
                return check_index(self, expr)
            case ast.Member():
                return check_member(self, expr)
            case ast.List():
                found = KIND_WORDS["int"]
                return self.fail(typing.TypeMismatch(found, "a list", span=expr.span))
            case ast.Unary("not", operand):
                return self.condition(operand)
            case ast.Unary(_, operand):
                return self._arithmetic(expr, self.number(operand))
            case ast.Binary():
                return self._binary(expr)
            case ast.Compare():
                return self._compare(expr)
            case ast.Call():
                return self._call(expr)
            case ast.Exists():
                return self._exists(expr)
            case _:
                assert_never(expr)

    def _expect(self, expr: ast.Expr, found: Typed, kinds: tuple[Kind, ...], what: str) -> Typed:
        if found.kind in kinds or found.kind == "unknown":
            return found
        mistake = typing.TypeMismatch(what, KIND_WORDS[found.kind], span=expr.span)
        return self.fail(mistake)

    def _name(self, expr: ast.Expr, name: str) -> Typed:
        if name == SCORE:
            if self.scope.place == "score":
                return Typed("float", Level.VARYING)
            return self.fail(names.ScoreOutsideScore(span=expr.span))
        match self.scope.find(name):
            case None:
                return self._unknown(expr, name)
            case Symbol(is_list=True):
                return self.fail(typing.WholeList(name, span=expr.span))
            case Symbol(kind="set"):
                return self.fail(sets.SetAsNumber(name, span=expr.span))
            case Symbol(axes=(_, *_) as axes):
                return self.fail(typing.MissingIndices(name, ", ".join(axes), span=expr.span))
            case symbol:
                return Typed(symbol.kind, symbol.level)

    def _unknown(self, expr: ast.Expr, name: str) -> Typed:
        base, _, axis = name.partition(".")
        if axis and base in ("q", "k"):
            if not self.scope.grid:
                return self.fail(grids.MissingGrid(f"the coordinate `{name}`", span=expr.span))
            return self.fail(grids.UnknownGridAxis(axis, self.scope.grid, span=expr.span))
        is_mask = name in self.scope.masks
        advice = f"`{name}` is a mask: use it outside of the braces, `{name} & {{ ... }}`"
        facts = (name, self.scope.names(), advice if is_mask else None)
        return self.fail(names.UnknownName(*facts, span=expr.span))

    def _binary(self, expr: ast.Binary) -> Typed:
        match expr.op:
            case "and" | "or":
                operands = (self.condition(expr.left), self.condition(expr.right))
                return Typed("bool", highest(operands))
            case "div" | "mod":
                return self._division(expr)
            case "/":
                operands = (self.number(expr.left), self.number(expr.right))
                if self.scope.place != "score":
                    return self.fail(typing.ScoreOnly("/", span=expr.span))
                return Typed("float", highest(operands))
            case "^":
                return self._power(expr)
            case "*":
                left, right = self.number(expr.left), self.number(expr.right)
                if self.scope.place != "score" and min(left.level, right.level) > Level.BOUND:
                    texts = print_expression(expr.left), print_expression(expr.right)
                    return self.fail(affine.ProductOfIndices(*texts, span=expr.span))
                return self._arithmetic(expr, left, right)
            case "+" | "-":
                return self._arithmetic(expr, self.number(expr.left), self.number(expr.right))
            case _:
                assert_never(expr.op)

    def _arithmetic(self, expr: ast.Expr, *operands: Typed) -> Typed:
        """The result of exact arithmetic: a float if one operand is, which a mask restricts."""
        kinds = {operand.kind for operand in operands}
        level = highest(operands)
        if "unknown" in kinds:
            return replace(UNKNOWN, level=level)
        kind: Kind = "float" if "float" in kinds else "int"
        if kind == "float" and level > Level.HEAD and self.scope.place != "score":
            return self.fail(typing.FloatInMask(span=expr.span))
        return Typed(kind, level)

    def _division(self, expr: ast.Binary) -> Typed:
        left, right = self.integer(expr.left), self.integer(expr.right)
        if right.level > Level.HEAD:
            text = print_expression(expr.right)
            mistake = affine.NonConstantDivisor(expr.op, text, span=expr.right.span)
            return self.fail(mistake)
        return Typed("int", highest((left, right)))

    def _power(self, expr: ast.Binary) -> Typed:
        in_score = self.scope.place == "score"
        check = self.number if in_score else self.integer
        operands = (check(expr.left), check(expr.right))
        constant = highest(operands) <= Level.BOUND
        if not constant and not in_score:
            text = print_expression(expr)
            return self.fail(affine.NonConstantPower(text, span=expr.span))
        whole = constant and all(operand.kind == "int" for operand in operands)
        return Typed("int" if whole else "float", highest(operands))

    def _compare(self, expr: ast.Compare) -> Typed:
        operands = [self.number(operand) for operand in expr.operands]
        if self.scope.place != "score":
            varying = any(o.kind == "int" and o.level > Level.HEAD for o in operands)
            for node, operand in zip(expr.operands, operands, strict=True):
                if operand.kind == "float" and varying:
                    self.fail(typing.FloatInMask(span=node.span))
        return Typed("bool", highest(operands))

    def _call(self, expr: ast.Call) -> Typed:
        function = FUNCTIONS.get(expr.function)
        if function is None:
            known = tuple(FUNCTIONS)
            return self.fail(names.UnknownFunction(expr.function, known, span=expr.span))
        if function.score_only and self.scope.place != "score":
            return self.fail(typing.ScoreOnly(expr.function, span=expr.span))
        count = len(expr.arguments)
        if count < function.arity or (count > function.arity and not function.more):
            least = "at least " if function.more else ""
            takes = f"{least}{function.arity} argument{'s' if function.arity > 1 else ''}"
            return self.fail(typing.WrongArity(expr.function, takes, count, span=expr.span))
        if expr.function in DRAWS:
            return check_draw(self, expr)
        if expr.function == "where":
            self.condition(expr.arguments[0])
            numbers = [self.number(argument) for argument in expr.arguments[1:]]
            return replace(self._arithmetic(expr, *numbers), level=Level.VARYING)
        operands = [self.number(argument) for argument in expr.arguments]
        result = self._arithmetic(expr, *operands)
        return replace(result, kind="float") if function.score_only else result

    def _exists(self, expr: ast.Exists) -> Typed:
        for bound in (expr.low, expr.high):
            if self.integer(bound).level > Level.CONSTANT:
                self.fail(affine.NonConstantRange(expr.variable, span=bound.span))
        if expr.variable in (*BUILTINS, SCORE):
            return self.fail(names.ShadowsBuiltin(expr.variable, span=expr.span))
        if (taken := self.scope.symbols.get(expr.variable)) is not None:
            first = str(taken.span)
            return self.fail(names.DuplicateName(expr.variable, first, span=expr.span))
        self.scope.symbols[expr.variable] = Symbol("int", Level.BOUND, span=expr.span)
        body = self.condition(expr.body)
        del self.scope.symbols[expr.variable]
        return Typed("bool", body.level)
