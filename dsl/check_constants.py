"""What can be said once constants are known: divisors, ranges, and values that do not fit.

Walks the attention and, through their calls, the masks that it uses. A mistake inside a mask of
the file or of the prelude is shown where the attention calls it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from attnc.dsl import syntax as ast
from attnc.dsl.branch_forms import own_statements
from attnc.dsl.check_draw import draw_mistake
from attnc.dsl.complexity import children
from attnc.dsl.constants import ConstantError, Environment, Value, evaluate
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes import affine
from attnc.dsl.print_nodes import print_expression
from attnc.dsl.source import Span
from attnc.dsl.types import MAX_RANGE


def constant_mistakes(
    attention: ast.Attention,
    masks: Mapping[str, ast.MaskDefinition],
    values: Mapping[str, Value],
) -> list[Diagnostic]:
    """Everything that these values of the parameters make meaningless."""
    mistakes: list[Diagnostic] = []
    walker = _Walker(masks, mistakes, values)
    for statement in own_statements(attention):
        match statement:
            case ast.MaskStatement(body):
                walker.visit(body)
            case ast.ScoreStatement(value) | ast.OutputStatement(value):
                walker.visit(value)
            case ast.NormalizeStatement(sink=sink) if sink is not None:
                walker.visit(sink)
            case ast.AssertStatement(_, arguments, _, limit, other):
                for part in (*arguments, limit, other):
                    if part is not None:
                        walker.visit(part)
            case _:
                pass
    return mistakes


@dataclass(frozen=True, slots=True)
class _Walker:
    masks: Mapping[str, ast.MaskDefinition]
    mistakes: list[Diagnostic]
    low: Environment  # variables of `exists` at their first value
    high: Environment = field(default_factory=dict)  # and at their last
    site: Span | None = None  # the call in the attention that led here
    cases: int = 1  # of all variables together

    def visit(self, node: ast.SetExpr | ast.Expr) -> None:
        """Checks a node and what is below it."""
        match node:
            case ast.SetCall():
                self._called(node)
                return
            case ast.Exists():
                self._exists(node)
                return
            case ast.Binary(op="div" | "mod" | "/") if not self._divisor(node):
                return
            case ast.Call("draw" | "chance") if not self._drawn(node):
                return
            case ast.Binary() | ast.Unary() | ast.Call():
                if self._value(node):
                    return
            case _:
                pass
        for part in children(node):
            self.visit(part)

    def _span(self, node: ast.Expr) -> Span:
        return self.site or node.span

    def _both(self, expr: ast.Expr) -> tuple[Value | None, Value | None]:
        return evaluate(expr, self.low), evaluate(expr, {**self.low, **self.high})

    def _value(self, expr: ast.Expr) -> bool:
        """Whether the expression is a constant; notes one that has no value."""
        try:
            return None not in self._both(expr)
        except ConstantError as error:
            text = print_expression(error.expr)
            facts = (text, str(error), self._given(error.expr))
            self.mistakes.append(affine.ConstantOverflow(*facts, span=self._span(error.expr)))
            return True

    def _drawn(self, call: ast.Call) -> bool:
        """Whether what a draw is from has a meaning, as far as it is known."""
        try:
            values = self._both(call.arguments[0])
        except ConstantError:
            return True
        span = self._span(call.arguments[0])
        mistakes = (draw_mistake(call.function, value, span) for value in values)
        found = next(filter(None, mistakes), None)
        self.mistakes.extend([found] if found else [])
        return found is None

    def _divisor(self, expr: ast.Binary) -> bool:
        """Whether a divisor has a meaning, as far as it is known."""
        try:
            divisors = self._all_values(expr.right)
        except ConstantError:
            return False
        facts = (expr.op, print_expression(expr.right), self._given(expr.right))
        span = self._span(expr.right)
        if any(divisor == 0 for divisor in divisors):
            self.mistakes.append(affine.DivisionByZero(*facts, span=span))
        elif expr.op != "/" and any(divisor < 0 for divisor in divisors):
            self.mistakes.append(affine.NegativeDivisor(*facts, span=span))
        else:
            return True
        return False

    def _all_values(self, expr: ast.Expr) -> list[int | float]:
        """The values that a divisor takes: of each head where it is an item of a list."""
        match expr:
            case ast.Index(base) if isinstance(items := self.low.get(base), tuple):
                return list(items)
            case _:
                values = self._both(expr)
                return [value for value in values if isinstance(value, int | float)]

    def _exists(self, node: ast.Exists) -> None:
        self._value(node.low)
        self._value(node.high)
        try:
            first, end = evaluate(node.low, self.low), evaluate(node.high, self.low)
        except ConstantError:
            return
        low, high, cases = {**self.low}, {**self.high}, self.cases
        if isinstance(first, int) and isinstance(end, int):
            cases = self.cases * max(end - first, 1)
            if cases > MAX_RANGE:
                facts = (node.variable, cases, MAX_RANGE)
                self.mistakes.append(affine.RangeTooLarge(*facts, span=self._span(node)))
                return
            if end <= first:
                return
            low[node.variable], high[node.variable] = first, end - 1
        replace(self, low=low, high=high, cases=cases).visit(node.body)

    def _called(self, call: ast.SetCall) -> None:
        mask = self.masks[call.name]
        given = dict(zip((p.name for p in mask.parameters), call.arguments, strict=False))
        given |= dict(call.keywords)
        for argument in given.values():
            self.visit(argument)
        values: dict[str, Value] = {}
        for parameter in mask.parameters:
            value = self._argument(parameter, given, values)
            if value is not None:
                values[parameter.name] = value
        inner = replace(self, low=values, high={}, site=self.site or call.span)
        inner.visit(mask.body)

    def _argument(
        self, parameter: ast.Parameter, given: Mapping[str, ast.Expr], earlier: Environment
    ) -> Value | None:
        try:
            if parameter.name in given:
                return self._item_or_value(given[parameter.name])
            return evaluate(parameter.default, earlier) if parameter.default is not None else None
        except ConstantError:
            return None

    def _item_or_value(self, argument: ast.Expr) -> Value | None:
        """The value of an argument; of a list's item the one that is wrong as a divisor, if any."""
        match argument:
            case ast.Index(base) if isinstance(items := self.low.get(base), tuple):
                return min(items) if min(items) <= 0 else None
            case _:
                return evaluate(argument, self.low)

    def _given(self, expr: ast.Expr) -> str:
        """`w = 0, g = 2`: the values that an expression was computed from."""
        names = dict.fromkeys(_names(expr))
        values = {**self.low, **self.high}
        known = [f"{name} = {values[name]}" for name in names if name in values]
        return ", ".join(known)


def _names(expr: ast.Expr) -> list[str]:
    found = [expr.id] if isinstance(expr, ast.Name) else []
    found += [expr.base] if isinstance(expr, ast.Index) else []
    for part in children(expr):
        found += _names(part)  # type: ignore[arg-type]
    return found
