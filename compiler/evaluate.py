"""An interpreter of integer expressions, for running nests outside a kernel."""

from collections.abc import Callable, Mapping

from attnc.dsl import syntax as ast

_BINARY: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "div": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
}
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def evaluate(expr: ast.Expr, values: Mapping[str, int]) -> int:
    """The value of an expression of the kind that a nest holds (a condition gives a bool)."""
    match expr:
        case ast.Int(value) | ast.Bool(value):
            return value
        case ast.Name(name):
            return values[name]
        case ast.Unary("-", operand):
            return -evaluate(operand, values)
        case ast.Unary("not", operand):
            return not evaluate(operand, values)
        case ast.Binary("and", left, right):
            return evaluate(left, values) and evaluate(right, values)
        case ast.Binary("or", left, right):
            return evaluate(left, values) or evaluate(right, values)
        case ast.Binary(op, left, right):
            return _BINARY[op](evaluate(left, values), evaluate(right, values))
        case ast.Compare(ops, operands):
            found = [evaluate(operand, values) for operand in operands]
            links = zip(ops, found, found[1:], strict=False)
            return all(_COMPARE[op](a, b) for op, a, b in links)
        case ast.Call("min" | "max" as name, arguments):
            choose = min if name == "min" else max
            return choose(evaluate(argument, values) for argument in arguments)
        case ast.Call("where", (condition, then, otherwise)):
            return evaluate(then if evaluate(condition, values) else otherwise, values)
        case _:
            raise TypeError(f"no expression of a loop nest: {expr!r}")
