"""Set expressions: conditions, and calls of masks with their arguments."""

from dataclasses import dataclass
from typing import Protocol, assert_never

from attnc.dsl import syntax as ast
from attnc.dsl.check_expression import ExpressionChecker
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes import affine, grids, names, typing
from attnc.dsl.scope import KIND_WORDS, Kind, Level, Typed


class Masks(Protocol):
    """The masks that a set expression can name."""

    def names(self) -> tuple[str, ...]:
        """All names, for a hint."""

    def find(self, name: str) -> ast.MaskDefinition | None:
        """The definition, with the types of its parameters filled in."""

    def needs_constant(self, name: str, varying: frozenset[str]) -> Diagnostic | None:
        """Why these parameters of a mask cannot vary; None where they can."""


@dataclass(frozen=True, slots=True)
class SetChecker:
    """Checks the set expressions of one scope."""

    expressions: ExpressionChecker
    masks: Masks

    def check(self, expr: ast.SetExpr) -> None:
        """Adds what is wrong with a set expression to the mistakes."""
        match expr:
            case ast.Comprehension(condition):
                self.expressions.condition(condition)
            case ast.SetCall():
                self._call(expr)
            case ast.SetBinary(_, left, right):
                self.check(left)
                self.check(right)
            case ast.Complement(operand):
                self.check(operand)
            case ast.When(body, condition):
                self.check(body)
                self.expressions.condition(condition)
            case ast.OnAxis(operand, axis):
                known = self.expressions.scope.grid
                if not known:
                    self._fail(grids.MissingGrid(f"`on {axis}`", span=expr.span))
                elif axis not in known:
                    self._fail(grids.UnknownGridAxis(axis, known, span=expr.span))
                self.check(operand)
            case _:
                assert_never(expr)

    def _call(self, call: ast.SetCall) -> None:
        mask = self.masks.find(call.name)
        if mask is None:
            self._fail(names.UnknownMask(call.name, self.masks.names(), span=call.span))
            return
        given = self._matched(call, mask)
        if given is None:
            return
        types = {
            p.name: self._argument(p, given[p.name]) for p in mask.parameters if p.name in given
        }
        varying = frozenset(name for name, found in types.items() if found.level > Level.HEAD)
        if varying and (why := self.masks.needs_constant(call.name, varying)) is not None:
            name = min(varying, key=lambda n: given[n].span.column)
            facts = (call.name, name, why.message)
            self._fail(affine.ArgumentNotConstant(*facts, span=given[name].span))

    def _matched(self, call: ast.SetCall, mask: ast.MaskDefinition) -> dict[str, ast.Expr] | None:
        """The argument of each parameter, None where the call does not fit."""
        parameters = tuple(p.name for p in mask.parameters)
        given = dict(zip(parameters, call.arguments, strict=False))
        mistakes: list[Diagnostic] = []
        if len(call.arguments) > len(parameters):
            facts = (call.name, _takes(mask), len(call.arguments))
            mistakes.append(typing.WrongArity(*facts, span=call.span))
        for name, value in call.keywords:
            if name not in parameters:
                mistakes.append(names.UnknownKeyword(name, call.name, parameters, span=value.span))
            elif name in given:
                mistakes.append(typing.RepeatedArgument(call.name, name, span=value.span))
            given[name] = value
        if not mistakes:
            mistakes += [
                typing.MissingArgument(call.name, p.name, span=call.span)
                for p in mask.parameters
                if p.name not in given and p.default is None
            ]
        self.expressions.mistakes.extend(mistakes)
        return None if mistakes else given

    def _argument(self, parameter: ast.Parameter, value: ast.Expr) -> Typed:
        found = self.expressions.infer(value)
        wanted: Kind = parameter.type if parameter.type in ("float", "bool") else "int"
        fits = (wanted, found.kind) == ("float", "int") or found.kind in (wanted, "unknown")
        if not fits:
            words = KIND_WORDS[wanted], KIND_WORDS[found.kind]
            self._fail(typing.TypeMismatch(*words, span=value.span))
        return found

    def _fail(self, mistake: Diagnostic) -> None:
        self.expressions.mistakes.append(mistake)


def _takes(mask: ast.MaskDefinition) -> str:
    """How many arguments a mask takes, in words."""
    most = len(mask.parameters)
    least = sum(p.default is None for p in mask.parameters)
    count = str(most) if least == most else f"{least} to {most}"
    return f"{count} argument{'' if most == 1 else 's'}" if most else "no arguments"
