"""Whether the form of an integer expression shows constants that it stays between."""

from collections.abc import Callable
from dataclasses import dataclass

from attnc.dsl import syntax as ast
from attnc.dsl.scope import Level, Scope


@dataclass(frozen=True, slots=True)
class Bounds:
    """Asks about expressions over the names of one scope."""

    scope: Scope

    def below(self, expr: ast.Expr) -> bool:
        """Whether there is a constant that the expression never goes below."""
        match expr:
            case ast.Call("clamp", (_, low, high)):
                return self.below(low) and self.below(high)
            case ast.Call("max", arguments):
                return any(map(self.below, arguments))
            case ast.Call("min", arguments):
                return all(map(self.below, arguments))
            case ast.Call("abs" | "draw"):
                return True
            case ast.Unary("-", operand):
                return self.above(operand)
            case ast.Binary("-", left, right):
                return self.below(left) and self.above(right)
            case _:
                return self._either(expr, self.below)

    def above(self, expr: ast.Expr) -> bool:
        """Whether there is a constant that the expression never exceeds."""
        match expr:
            case ast.Call("clamp", (_, _, high)):
                return self.above(high)
            case ast.Call("min", arguments):
                return any(map(self.above, arguments))
            case ast.Call("max", arguments):
                return all(map(self.above, arguments))
            case ast.Call("draw", (count, *_)):
                return self.above(count)
            case ast.Call("abs", (operand,)):
                return self.above(operand) and self.below(operand)
            case ast.Unary("-", operand):
                return self.below(operand)
            case ast.Binary("-", left, right):
                return self.above(left) and self.below(right)
            case _:
                return self._either(expr, self.above)

    def _either(self, expr: ast.Expr, bounded: Callable[[ast.Expr], bool]) -> bool:
        """The forms that are the same from both sides."""
        match expr:
            case ast.Int() | ast.Binary("mod"):
                return True
            case ast.Name("h"):
                return True
            case ast.Name(name) | ast.Index(base=name):
                symbol = self.scope.find(name)
                return symbol is not None and symbol.level <= Level.BOUND
            case ast.Binary("div", left, _):
                return bounded(left)
            case ast.Binary("+", left, right):
                return bounded(left) and bounded(right)
            case ast.Binary("*" | "^", left, right):
                return all(self.below(e) and self.above(e) for e in (left, right))
            case _:
                return False
