"""Derivatives of score expressions against sympy's, at random points."""

import math
import random

import pytest
import sympy

from attnc.compiler.derivative import ZERO, derivative, reads
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Name

S, A = sympy.symbols("s a", real=True)
NAMES = {
    "s": S,
    "a": A,
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "softcap": lambda x, c: c * sympy.tanh(x / c),
    "clamp": lambda x, low, high: sympy.Min(sympy.Max(x, low), high),
    "where": lambda test, then, other: sympy.Piecewise((then, test), (other, True)),
    "min": sympy.Min,
    "max": sympy.Max,
    "abs": sympy.Abs,
    "log2": lambda x: sympy.log(x, 2),
}  # fmt: skip
EXPRESSIONS = [
    "s", "a", "s + a", "a - s", "s * s * a", "s / a", "a / s", "s ^ 3", "2 ^ s", "s ^ a", "-s",
    "exp(s * a)", "log(s)", "log2(s + a)", "sqrt(s)", "tanh(s) * a", "sigmoid(a * s)",
    "softcap(s, 2)", "softcap(s, a)", "softcap(s * s, a)", "abs(s - a)", "min(s, a)",
    "max(s * a, 1)",
    "clamp(s, 0.5, 1.5) * s", "where(a < 1, s * s, exp(s))", "s - a * (3 - 7)", "3",
    "s * 3 + 1 - s",
]  # fmt: skip


def symbolic(text: str) -> sympy.Expr:
    found = eval(text.replace("^", "**"), {**vars(sympy), **NAMES})
    return sympy.sympify(found)


@pytest.mark.parametrize("text", EXPRESSIONS)
@pytest.mark.parametrize("variable", ["s", "a"])
def test_against_sympy(text: str, variable: str) -> None:
    from attnc.dsl.printer import print_expr

    found = symbolic(print_expr(derivative(parse_expression(text), Name(variable))))
    wanted = symbolic(text).diff(NAMES[variable])
    numbers = random.Random(text)
    for _ in range(5):
        at = {S: numbers.uniform(0.1, 2.5), A: numbers.uniform(0.1, 2.5)}
        mine, theirs = (float(x.subs(at).evalf()) for x in (found, wanted))
        assert math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-12), (found, wanted, at)


def test_reads_of_an_input() -> None:
    expr = parse_expression("s * x[h] + x[h] + x[q] + y[k]")
    assert [str(read.indices[0].id) for read in reads(expr, "x")] == ["h", "q"]  # type: ignore[union-attr]
    assert derivative(expr, reads(expr, "y")[0]) != ZERO
    assert derivative(parse_expression("s * z[q div 2]"), reads(expr, "x")[0]) == ZERO
