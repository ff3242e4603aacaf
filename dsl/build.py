"""From the parse tree to expression and set nodes, with spans."""

from dataclasses import dataclass, field
from typing import Any, cast

from lark import Token, Tree

from attnc.dsl import syntax as ast
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes.syntax import (
    FloatTooLarge,
    IntegerTooLarge,
    NotSupported,
    WhenNeedsParentheses,
)
from attnc.dsl.source import Source, Span

MAX_INT = 2**63 - 1

Branch = Tree[Token]
Arguments = tuple[tuple[ast.Expr, ...], tuple[tuple[str, ast.Expr], ...]]


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds nodes for one source and collects the mistakes that it meets."""

    source: Source
    mistakes: list[Diagnostic] = field(default_factory=list)

    def span(self, item: Any) -> Span:
        """Where a tree or token stands."""
        at: Any = item if isinstance(item, Token) else item.meta
        if isinstance(item, Tree) and item.meta.empty:
            return Span(self.source, 1, 1, 1, 1)
        return Span(self.source, at.line, at.column, at.end_line, at.end_column)

    def unsupported(self, feature: str, item: Any) -> None:
        """Notes that the construct at `item` is not built."""
        self.mistakes.append(NotSupported(feature, span=self.span(item)))

    # ------------------------------------------------------------ scalar expressions

    def expression(self, tree: Branch) -> ast.Expr:
        """The node of a scalar expression."""
        span, parts = self.span(tree), tree.children
        match tree.data, parts:
            case "int", [Token() as digits]:
                return self._integer(digits)
            case "float", [Token() as digits]:
                return self._float(digits)
            case ("true" | "false") as word, _:
                return ast.Bool(word == "true", span=span)
            case "name", [name]:
                return ast.Name(str(name), span=span)
            case "list", [items]:
                return ast.List(self.expressions(items), span=span)
            case "index", [name, items]:
                return ast.Index(str(name), self.expressions(items), span=span)
            case "call", [name, items]:
                return ast.Call(str(name), self.expressions(items), span=span)
            case _:
                return self._compound(tree, span)

    def expressions(self, tree: Any) -> tuple[ast.Expr, ...]:
        """The nodes of a list of expressions, which may be missing."""
        return tuple(map(self.expression, tree.children)) if tree is not None else ()

    def _compound(self, tree: Branch, span: Span) -> ast.Expr:
        parts = cast(list[Any], tree.children)
        match tree.data, parts:
            case "negative", [_, operand]:
                return ast.Unary("-", self.expression(operand), span=span)
            case "not", [operand]:
                return ast.Unary("not", self.expression(operand), span=span)
            case ("or" | "and") as op, [left, right]:
                left, right = self.expression(left), self.expression(right)
                return ast.Binary(op, left, right, span=span)
            case "power", [left, right]:
                return ast.Binary("^", self.expression(left), self.expression(right), span=span)
            case "binary", [left, op, right]:
                left, right = self.expression(left), self.expression(right)
                return ast.Binary(cast(Any, str(op)), left, right, span=span)
            case "compare", _:
                ops = cast(Any, tuple(str(op) for op in parts[1::2]))
                return ast.Compare(ops, tuple(map(self.expression, parts[::2])), span=span)
            case "exists", [name, low, high, body]:
                low, high, body = map(self.expression, (low, high, body))
                return ast.Exists(str(name), low, high, body, span=span)
            case "member", [value, base, given]:
                indices = self.expressions(given)
                return ast.Member(self.expression(value), str(base), indices, span=span)
            case "coordinate", [base, axis]:
                return ast.Name(f"{base}.{axis}", span=span)
            case other:
                raise AssertionError(f"no expression: {other}")
        return ast.Bool(True, span=span)

    def _integer(self, digits: Token) -> ast.Expr:
        span = self.span(digits)
        if len(digits.lstrip("0")) > 19 or int(digits) > MAX_INT:
            self.mistakes.append(IntegerTooLarge(len(digits), span=span))
            return ast.Int(1, span=span)
        return ast.Int(int(digits), span=span)

    def _float(self, digits: Token) -> ast.Expr:
        span = self.span(digits)
        if (value := float(digits)) == float("inf"):
            self.mistakes.append(FloatTooLarge(str(digits)[:40], span=span))
        return ast.Float(value, span=span)

    # ------------------------------------------------------------ sets

    def set_expression(self, tree: Branch) -> ast.SetExpr:
        """The node of a set of pairs."""
        span, parts = self.span(tree), cast(list[Any], tree.children)
        match tree.data, parts:
            case "comprehension", [condition]:
                return ast.Comprehension(self.expression(condition), span=span)
            case "set_call", [name, given]:
                positional, named = self.arguments(given)
                return ast.SetCall(str(name), positional, named, span=span)
            case "complement", [operand]:
                return ast.Complement(self.set_expression(operand), span=span)
            case ("union" | "intersection" | "difference") as kind, [left, right]:
                left, right = self.set_expression(left), self.set_expression(right)
                return ast.SetBinary(_SET_OPERATORS[kind], left, right, span=span)
            case "when", [body, condition]:
                inner = self.set_expression(body)
                return ast.When(inner, self.expression(condition), span=span)
            case ("when_union" | "when_intersection") as kind, [left, right]:
                operator = "|" if kind == "when_union" else "&"
                self.mistakes.append(WhenNeedsParentheses(operator, span=span))
                left, right = self.set_expression(left), self.set_expression(right)
                return ast.SetBinary("|", left, right, span=span)
            case "on_axis", [operand, axis]:
                return ast.OnAxis(self.set_expression(operand), str(axis), span=span)
            case other:
                raise AssertionError(f"no set: {other}")

    def arguments(self, tree: Any) -> Arguments:
        """Arguments by position and by name; a later one by position is taken as given."""
        positional: list[ast.Expr] = []
        named: list[tuple[str, ast.Expr]] = []
        for item in tree.children if tree is not None else ():
            if item is None:
                continue
            if item.data == "keyword":
                named.append((str(item.children[0]), self.expression(item.children[1])))
            else:
                positional.append(self.expression(item))
        return tuple(positional), tuple(named)


_SET_OPERATORS: dict[str, Any] = {"union": "|", "intersection": "&", "difference": "-"}
