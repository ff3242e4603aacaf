"""Expressions and sets as text: printing and parsing again gives an equal tree."""

from typing import assert_never

from attnc.dsl import syntax as ast

# How tightly an operator binds; an operand that binds less tightly is parenthesised.
_EXISTS, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _NEGATIVE, _POWER, _ATOM = range(10)
_LEVELS = {"or": _OR, "and": _AND, "+": _SUM, "-": _SUM, "^": _POWER}
_WHEN, _UNION, _DIFFERENCE, _INTERSECTION, _ON, _COMPLEMENT = range(6)
_SET_LEVELS = {"|": _UNION, "-": _DIFFERENCE, "&": _INTERSECTION}


def print_expression(expr: ast.Expr) -> str:
    """A scalar expression with no more parentheses than it needs."""
    return _expression(expr, _EXISTS)


def _expression(expr: ast.Expr, outer: int) -> str:
    text, level = _scalar(expr)
    return text if level >= outer else f"({text})"


def _scalar(expr: ast.Expr) -> tuple[str, int]:
    """The text and how tightly its outermost operator binds."""
    match expr:
        case ast.Int(value):
            return (str(value), _ATOM) if value >= 0 else (str(value), _NEGATIVE)
        case ast.Float(value):
            return _float(value), _ATOM if value >= 0 else _NEGATIVE
        case ast.Bool(value):
            return ("true" if value else "false"), _ATOM
        case ast.Name(name):
            return name, _ATOM
        case ast.List(items):
            return f"[{_listed(items)}]", _ATOM
        case ast.Index() | ast.Member():
            return _lookup(expr)
        case ast.Call(function, arguments):
            return f"{function}({_listed(arguments)})", _ATOM
        case ast.Unary(op, operand):
            mark, level = ("-", _NEGATIVE) if op == "-" else ("not ", _NOT)
            return f"{mark}{_expression(operand, level)}", level
        case ast.Binary(op, left, right):
            return _binary(op, left, right)
        case ast.Compare(ops, operands):
            texts = [_expression(operand, _SUM) for operand in operands]
            rest = (f" {op} {text}" for op, text in zip(ops, texts[1:], strict=True))
            return texts[0] + "".join(rest), _COMPARE
        case ast.Exists(variable, low, high, body):
            bounds = f"{_expression(low, _SUM)}..{_expression(high, _SUM)}"
            return f"exists {variable} in {bounds} : {print_expression(body)}", _EXISTS
        case _:
            assert_never(expr)


def _lookup(expr: ast.Index | ast.Member) -> tuple[str, int]:
    listed = f"[{_listed(expr.indices)}]" if expr.indices else ""
    if isinstance(expr, ast.Index):
        return f"{expr.base}{listed}", _ATOM
    return f"{_expression(expr.value, _SUM)} in {expr.base}{listed}", _COMPARE


def _binary(op: str, left: ast.Expr, right: ast.Expr) -> tuple[str, int]:
    level = _LEVELS.get(op, _PRODUCT)
    if op == "^":
        return f"{_expression(left, _ATOM)}^{_expression(right, _NEGATIVE)}", level
    return f"{_expression(left, level)} {op} {_expression(right, level + 1)}", level


def _listed(items: tuple[ast.Expr, ...]) -> str:
    return ", ".join(map(print_expression, items))


def _float(value: float) -> str:
    """Digits on both sides of the point, as the grammar wants them."""
    text = repr(value)
    return text if "." in text or "e" in text else f"{text}.0"


def print_set(expr: ast.SetExpr) -> str:
    """A set expression with no more parentheses than it needs."""
    return _set(expr, _WHEN)


def _set(expr: ast.SetExpr, outer: int) -> str:
    text, level = _pairs(expr)
    return text if level >= outer else f"({text})"


def _pairs(expr: ast.SetExpr) -> tuple[str, int]:
    match expr:
        case ast.Comprehension(condition):
            return f"{{ {print_expression(condition)} }}", _COMPLEMENT
        case ast.SetCall(name, (), ()):
            return name, _COMPLEMENT
        case ast.SetCall(name, arguments, keywords):
            named = [f"{key} = {print_expression(value)}" for key, value in keywords]
            return f"{name}({', '.join([*map(print_expression, arguments), *named])})", _COMPLEMENT
        case ast.SetBinary(op, left, right):
            level = _SET_LEVELS[op]
            return f"{_set(left, level)} {op} {_set(right, level + 1)}", level
        case ast.Complement(operand):
            return f"~{_set(operand, _COMPLEMENT)}", _COMPLEMENT
        case ast.When(body, condition):
            return f"{_set(body, _WHEN)} when {print_expression(condition)}", _WHEN
        case ast.OnAxis(operand, axis):
            return f"{_set(operand, _ON)} on {axis}", _ON
        case _:
            assert_never(expr)


def print_assertion(statement: ast.AssertStatement) -> str:
    """What follows `assert`."""
    if statement.other is not None:
        return f"{statement.kind} {print_set(statement.other)}"
    given = f"({_listed(statement.arguments)})" if statement.arguments else ""
    limit = statement.limit
    compared = f" {statement.comparison} {_expression(limit, _SUM)}" if limit is not None else ""
    return f"{statement.kind}{given}{compared}"


def print_links(expr: ast.SetExpr) -> list[str]:
    """A set as the pieces that long lines are broken into: `a`, `| b`, `| c`."""
    match expr:
        case ast.SetBinary(op, left, right):
            level = _SET_LEVELS[op]
            joined = isinstance(left, ast.SetBinary) and left.op == op
            first = print_links(left) if joined else [_set(left, level)]
            return [*first, f"{op} {_set(right, level + 1)}"]
        case _:
            return [print_set(expr)]
