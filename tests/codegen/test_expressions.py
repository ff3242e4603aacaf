"""Expressions as text: types, lanes, conversions, and an entry for every function."""

import ast
from dataclasses import dataclass, field

import pytest

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import BOOL, FLOAT, INT, Value, condition, render
from attnc.codegen.tvm.target import FUNCTIONS, OPERATORS, TvmTarget
from attnc.dsl import syntax
from attnc.dsl.parser import parse_expression
from attnc.dsl.types import FUNCTIONS as LANGUAGE

LANES = 4
NAMES = {
    "q": Value("qs", INT, LANES),
    "s": Value("score", FLOAT, LANES),
    "n": Value("in_n", INT),
    "x": Value("in_x", FLOAT),
}


@dataclass
class Plain:
    """A target that writes Python and shows every conversion."""

    operators: dict = field(default_factory=lambda: {op: f"({{0}} {op} {{1}})" for op in BINARY} | {
        "neg": "(-{0})", "not": "(not {0})", "where": "where({0}, {1}, {2})",
    })  # fmt: skip
    functions: dict = field(default_factory=lambda: {
        "min": "min({0}, {1})", "max": "max({0}, {1})", "abs": "abs({0})", "sqrt": "sqrt({0})",
        "log": "log({0})", "log2": "log2({0})", "pow": "pow({0}, {1})",
    })  # fmt: skip

    def name(self, name: str) -> Value:
        return NAMES.get(name, Value(name, INT))

    def read(self, base: str, indices: tuple) -> Value:
        inner = [render(index, self) for index in indices]
        lanes = max((value.lanes for value in inner), default=1)
        return Value(f"{base}[{', '.join(v.text for v in inner)}]", FLOAT, lanes)

    def cast(self, value: Value, dtype: str) -> Value:
        if value.dtype == dtype:
            return value
        return Value(f"{dtype}({value.text})", dtype, value.lanes)

    def splat(self, value: Value, lanes: int) -> Value:
        return Value(f"splat({value.text})", value.dtype, lanes)

    def special(self, function: str, arguments: tuple) -> Value:
        (x,) = arguments
        return Value(f"{function}({x.text})", FLOAT, x.lanes)


BINARY = ("+", "-", "*", "/", "div", "mod", "<", "<=", ">", ">=", "==", "!=", "and", "or")


def plain(text: str) -> Value:
    return render(parse_expression(text), Plain())


@pytest.mark.parametrize(
    ("text", "printed", "dtype", "lanes"),
    [
        ("3", "3", INT, 1),
        ("0.5", "float32(0.5)", FLOAT, 1),
        ("true", "bool(True)", BOOL, 1),
        ("k - 1", "(k - 1)", INT, 1),
        ("q - k", "(qs - splat(k))", INT, LANES),
        ("k <= q", "(splat(k) <= qs)", BOOL, LANES),
        ("0 <= k < n", "((0 <= k) and (k < in_n))", BOOL, 1),
        ("not k == 1 or k < 2", "((not (k == 1)) or (k < 2))", BOOL, 1),
        ("k * x", "(float32(k) * in_x)", FLOAT, 1),
        ("s + n", "(score + float32(splat(in_n)))", FLOAT, LANES),
        ("k / 2", "(float32(k) / float32(2))", FLOAT, 1),
        ("k div 2 mod 3", "((k div 2) mod 3)", INT, 1),
        ("-q", "(-qs)", INT, LANES),
        ("bias[h, q]", "bias[h, qs]", FLOAT, LANES),
        ("min(q, k)", "min(qs, splat(k))", INT, LANES),
        ("clamp(k, 0, 9)", "min(max(k, 0), 9)", INT, 1),
        ("abs(s)", "abs(score)", FLOAT, LANES),
        ("exp(k)", "exp(float32(k))", FLOAT, 1),
        ("tanh(s)", "tanh(score)", FLOAT, LANES),
        ("softcap(s, 50)",
         "(float32(splat(50)) * tanh((score / splat(float32(50)))))", FLOAT, LANES),
        ("where(k < q, s, 0.0)",
         "where((splat(k) < qs), score, splat(float32(0.0)))", FLOAT, LANES),
        ("where(k < 2, 1, x)", "where((k < 2), float32(1), in_x)", FLOAT, 1),
        ("at([4, 5, 6], h)", "where((h == 0), 4, where((h == 1), 5, 6))", INT, 1),
        ("s ^ 2", "(score * score)", FLOAT, LANES),
        ("k ^ 3", "((float32(k) * float32(k)) * float32(k))", FLOAT, 1),
        ("s ^ 0", "float32(1)", FLOAT, 1),
        ("s ^ -1", "(splat(float32(1)) / score)", FLOAT, LANES),
        ("s ^ 0.5", "pow(score, splat(float32(0.5)))", FLOAT, LANES),
        ("2 ^ h", "pow(float32(2), float32(h))", FLOAT, 1),
        ("s ^ 40", "pow(score, splat(float32(40)))", FLOAT, LANES),
    ],
)  # fmt: skip
def test_render(text, printed, dtype, lanes):
    found = plain(text)
    assert found.text == printed
    assert (found.dtype, found.lanes) == (dtype, lanes)


def test_conditions():
    assert condition(parse_expression("k < 3"), Plain()) == "(k < 3)"


@pytest.mark.parametrize("name", sorted(LANGUAGE))
def test_every_function_of_the_language_is_printed_for_cpus(name):
    arguments = {"where": "k < q, s, 1.0", "clamp": "s, 0.0, 1.0"}
    arguments |= {"draw": "8, 1, q, k", "chance": "0.5, 1, q, k"}
    kinds = {"draw": INT, "chance": BOOL}
    default = ", ".join(["s", "2.0"][: LANGUAGE[name].arity])
    out = Emitter()
    target = TvmTarget(out, NAMES, lambda base, indices: Value(base, FLOAT))
    found = render(parse_expression(f"{name}({arguments.get(name, default)})"), target)
    assert (found.dtype, found.lanes) == (kinds.get(name, FLOAT), LANES)
    ast.parse(out.text() + found.text)


def test_the_table_for_cpus_is_whole():
    assert set(Plain().operators) == set(OPERATORS)
    assert set(Plain().functions) == set(FUNCTIONS)
    for template in (*OPERATORS.values(), *FUNCTIONS.values()):
        ast.parse(template.format("a", "b", "c"))


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (Value("k", INT), FLOAT, "T.Cast('float32', k)"),
        (Value("k", INT, 8), FLOAT, "T.Cast('float32x8', k)"),
        (Value("-3", INT), FLOAT, "T.float32(-3)"),
        (Value("0.5", "literal"), FLOAT, "T.float32(0.5)"),
        (Value("True", "literal"), BOOL, "T.bool(True)"),
        (Value("x", FLOAT), FLOAT, "x"),
    ],
)
def test_casts_for_cpus(value, dtype, text):
    target = TvmTarget(Emitter(), {}, lambda base, indices: Value(base, FLOAT))
    assert target.cast(value, dtype) == Value(text, dtype, value.lanes)


def test_splats_for_cpus():
    target = TvmTarget(Emitter(), {}, lambda base, indices: Value(base, FLOAT))
    assert target.splat(Value("7", INT), 8) == Value("T.broadcast(T.int32(7), 8)", INT, 8)
    assert target.splat(Value("x", FLOAT), 8) == Value("T.broadcast(x, 8)", FLOAT, 8)


def test_unknown_names_are_loop_variables():
    target = TvmTarget(Emitter(), {}, lambda base, indices: Value(base, FLOAT))
    assert render(syntax.Name("c"), target) == Value("c", INT)


def test_emitter():
    out = Emitter("let {0} = {1};")
    with out.block("for i in range(3):"):
        out.line("a", "b")
        assert out.bind("x", "1 + i") == "x_1"
    assert out.fresh("x") == "x_2"
    assert out.text() == "for i in range(3):\n    a\n    b\n    let x_1 = 1 + i;\n"
