"""Derivatives of score expressions, term by term; what is constant in the variable is 0.

Where a function has a kink (`abs`, `min`, `max`, `clamp`, `where`), the derivative is that of one
of the sides that meet there, as everywhere in automatic differentiation.
"""

from functools import reduce

from attnc.compiler import fold
from attnc.dsl.syntax import Binary, Call, Compare, Expr, Float, Index, Int, Name, Unary

ZERO, ONE = Float(0.0), Float(1.0)
LN_2 = 0.6931471805599453


def derivative(expr: Expr, variable: Name | Index) -> Expr:
    """The derivative of a closed expression by the score (`Name("s")`) or one read of an input."""
    if expr == variable:
        return ONE
    match expr:
        case Unary(op="-", operand=operand):
            inner = derivative(operand, variable)
            return ZERO if inner == ZERO else Unary("-", inner)
        case Binary(op=op, left=left, right=right):
            return _binary(op, left, right, variable)
        case Call(function=function, arguments=arguments):
            if all(derivative(argument, variable) == ZERO for argument in arguments):
                return ZERO
            return _call(function, arguments, variable)
        case _:
            return ZERO


def reads(expr: Expr, name: str) -> list[Index]:
    """The different elements of an input that an expression reads."""
    found = [n for n in fold.walk(expr) if isinstance(n, Index) and n.base == name]
    return list(dict.fromkeys(reversed(found)))


def _binary(op: str, left: Expr, right: Expr, variable: Name | Index) -> Expr:
    a, b = derivative(left, variable), derivative(right, variable)
    match op:
        case "+":
            return _plus(a, b)
        case "-":
            return _plus(a, _times(Float(-1.0), b))
        case "*":
            return _plus(_times(a, right), _times(left, b))
        case "/":
            slope = _times(_times(Float(-1.0), left), _over(b, Binary("*", right, right)))
            return _plus(_over(a, right), slope)
        case "^":
            return _power(left, right, a, b)
        case _:
            return ZERO  # div and mod are steps


def _power(base: Expr, exponent: Expr, a: Expr, b: Expr) -> Expr:
    less = fold.binary("-", exponent, Int(1))
    by_base = _times(_times(exponent, Binary("^", base, less)), a)
    by_exponent = _times(Binary("*", Binary("^", base, exponent), Call("log", (base,))), b)
    return _plus(by_base, by_exponent if b != ZERO else ZERO)


def _call(function: str, arguments: tuple[Expr, ...], variable: Name | Index) -> Expr:
    inner = tuple(derivative(argument, variable) for argument in arguments)
    match function:
        case "clamp":
            value, low, high = arguments
            return derivative(Call("min", (Call("max", (value, low)), high)), variable)
        case "softcap" if inner[1] != ZERO:
            value, cap = arguments
            return derivative(Binary("*", cap, Call("tanh", (Binary("/", value, cap),))), variable)
        case "min" | "max" | "where":
            return _choice(function, arguments, inner)
        case _:
            return _chain(function, arguments, inner[0])


def _chain(function: str, arguments: tuple[Expr, ...], slope: Expr) -> Expr:
    """The derivative of a function of one argument, times that of the argument."""
    x, here = arguments[0], Call(function, arguments)
    match function:
        case "exp":
            return _times(here, slope)
        case "log":
            return _over(slope, x)
        case "log2":
            return _over(slope, Binary("*", Float(LN_2), x))
        case "sqrt":
            return _over(slope, Binary("*", Float(2.0), here))
        case "tanh":
            return _times(_one_less_square(here), slope)
        case "softcap":
            ratio = Binary("/", x, arguments[1])
            return _times(_one_less_square(Call("tanh", (ratio,))), slope)
        case "sigmoid":
            return _times(Binary("*", here, Binary("-", ONE, here)), slope)
        case "abs":
            return _times(_where(_less(x, Int(0)), Float(-1.0), ONE), slope)
        case _:
            raise AssertionError(f"no derivative of {function}")


def _choice(function: str, arguments: tuple[Expr, ...], inner: tuple[Expr, ...]) -> Expr:
    match function:
        case "min":
            return _where(_less(arguments[1], arguments[0]), inner[1], inner[0])
        case "max":
            return _where(_less(arguments[0], arguments[1]), inner[1], inner[0])
        case _:
            return _where(arguments[0], inner[1], inner[2])


def _one_less_square(value: Expr) -> Expr:
    return Binary("-", ONE, Binary("^", value, Int(2)))


def _less(left: Expr, right: Expr) -> Expr:
    return Compare(("<",), (left, right))


def _where(test: Expr, then: Expr, otherwise: Expr) -> Expr:
    return then if then == otherwise else Call("where", (test, then, otherwise))


def _plus(a: Expr, b: Expr) -> Expr:
    return b if a == ZERO else a if b == ZERO else fold.binary("+", a, b)


def _times(a: Expr, b: Expr) -> Expr:
    if ZERO in (a, b):
        return ZERO
    numbers = [x for x in (a, b) if isinstance(x, Float | Int)]
    if len(numbers) == 2:
        return Float(reduce(lambda x, y: x * y, (float(n.value) for n in numbers)))
    return b if a == ONE else a if b == ONE else Binary("*", a, b)


def _over(a: Expr, b: Expr) -> Expr:
    return ZERO if a == ZERO else Binary("/", a, b)
