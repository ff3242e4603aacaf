"""Random mask formulas of the language, and lengths to try them at."""

from hypothesis import strategies as st

from attnc.dsl import syntax as ast
from tests.compiler.brute import Lengths

HEADS = 3


def numbers(depth: int = 2) -> st.SearchStrategy[ast.Expr]:
    small = st.integers(-9, 9).map(ast.Int)
    positive = st.integers(1, 9).map(ast.Int)
    leaf = st.one_of(
        st.sampled_from([ast.Name(n) for n in ("q", "k", "q", "k", "len", "qlen")]),
        st.just(ast.Binary("-", ast.Name("q"), ast.Name("k"))),
        small,
    )
    if depth == 0:
        return leaf
    inner = numbers(depth - 1)
    spans = st.lists(st.integers(0, 9).map(ast.Int), min_size=HEADS, max_size=HEADS)
    return st.one_of(
        leaf,
        st.builds(ast.Binary, st.sampled_from(["+", "-"]), inner, inner),
        st.builds(ast.Binary, st.sampled_from(["div", "mod"]), inner, positive),
        st.builds(ast.Binary, st.just("*"), st.integers(-3, 3).map(ast.Int), inner),
        st.builds(
            lambda f, a, b: ast.Call(f, (a, b)), st.sampled_from(["min", "max"]), inner, inner
        ),
        st.builds(lambda a: ast.Call("abs", (a,)), inner),
        st.builds(lambda a, b, c: ast.Call("clamp", (a, b, c)), inner, small, inner),
        spans.map(lambda items: ast.Call("at", (ast.List(tuple(items)), ast.Name("h")))),
    )


def comparisons() -> st.SearchStrategy[ast.Expr]:
    op = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    one = st.builds(lambda o, a, b: ast.Compare((o,), (a, b)), op, numbers(), numbers())
    order = st.sampled_from(["<", "<="])
    two = st.builds(
        lambda o, p, a, b, c: ast.Compare((o, p), (a, b, c)),
        order, order, numbers(1), numbers(1), numbers(1),
    )  # fmt: skip
    return st.one_of(one, two)


def conditions(depth: int = 2) -> st.SearchStrategy[ast.Expr]:
    if depth == 0:
        return comparisons()
    inner = conditions(depth - 1)
    near = st.builds(
        lambda n: ast.Compare(("<=", "<"), (ast.Int(0), _distance(), ast.Int(n))),
        st.integers(1, 30),
    )
    return st.one_of(
        comparisons(),
        near,
        st.builds(ast.Binary, st.sampled_from(["and", "or"]), inner, inner),
        st.builds(lambda a: ast.Unary("not", a), inner),
    )


def _distance() -> ast.Expr:
    return ast.Binary("-", ast.Name("q"), ast.Name("k"))


def lengths() -> st.SearchStrategy[Lengths]:
    start, count = st.integers(-6, 12), st.integers(1, 40)
    return st.builds(Lengths, start, start, count, count)


TILES = st.sampled_from([(4, 4), (6, 2), (5, 3), (8, 16), (1, 7), (16, 4)])
