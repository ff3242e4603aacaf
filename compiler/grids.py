"""Patterns on grids: unions of products over the axes, each factor a pattern of one axis.

A neighbourhood is a product: a pair is in it if its rows are near and its columns are. The factors
are analysed one by one, for every extent, and what holds for them holds for boxes of points: a box
of keys is live for a box of queries if it is along each axis, and needs no mask if it needs none
along each. What couples axes, or reads tensors, is left over as a test.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from math import prod

from attnc.compiler import fold
from attnc.compiler.affine import opaque
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex

MOST_PRODUCTS = 24
NAMES = ("q", "k", "len")  # of an axis
ALWAYS = ast.Bool(True)


@dataclass(frozen=True, slots=True)
class Product:
    """The pairs that satisfy a condition on each axis, in axis order, and those on several.

    `heads` reads only the head and run-time numbers, `rest` what no axis has alone. Conditions of
    an axis are on `q`, `k` and `len` along it.
    """

    factors: tuple[ast.Expr, ...]
    heads: ast.Expr
    rest: ast.Expr


@lru_cache
def products(condition: ast.Expr, labels: tuple[str, ...]) -> tuple[Product, ...]:
    """Products whose union is the pattern; they may overlap.

    A condition of too many cases is one product of all points with everything left over.
    """
    try:
        cases = _cases(in_order(condition, labels), labels)
    except AnalysisTooComplex:
        cases = [[condition]]
    return tuple(_product(case, labels) for case in cases)


def whole_condition(found: Sequence[Product], labels: Sequence[str]) -> ast.Expr:
    """The condition of a union of products, on coordinates and `len.AXIS`."""
    terms: list[ast.Expr] = []
    for product in found:
        parts = [
            fold.substitute(factor, {n: ast.Name(f"{n}.{label}") for n in NAMES})
            for factor, label in zip(product.factors, labels, strict=True)
        ]
        terms.append(reduce(fold.conjunction, [product.heads, *parts, product.rest]))
    return reduce(fold.disjunction, terms) if terms else ast.Bool(False)


def on_tokens(condition: ast.Expr, labels: Sequence[str], extents: Sequence[int]) -> ast.Expr:
    """The condition on the numbers of the tokens alone, for constant extents."""
    found: dict[str, ast.Expr] = {}
    for place, label in enumerate(labels):
        for name in ("q", "k"):
            found[f"{name}.{label}"] = coordinate(ast.Name(name), place, extents)
        found[f"len.{label}"] = ast.Int(extents[place])
    return fold.substitute(condition, found)


def coordinate(point: ast.Expr, place: int, extents: Sequence[int]) -> ast.Expr:
    """Where the point of a number is along an axis."""
    outer = fold.binary("div", point, ast.Int(prod(extents[place + 1 :])))
    return fold.binary("mod", outer, ast.Int(extents[place]))


def _cases(expr: ast.Expr, labels: Sequence[str], positive: bool = True) -> list[list[ast.Expr]]:
    """The disjunctive form; what speaks of one axis only stays whole."""
    match expr:
        case _ if len(spoken_of(expr, labels)) <= 1 and not of_all_tokens(expr):
            return [[expr if positive else fold.negation(expr)]]
        case ast.Unary("not", operand):
            return _cases(operand, labels, not positive)
        case ast.Binary("and" | "or" as op, left, right):
            first, second = _cases(left, labels, positive), _cases(right, labels, positive)
            if (op == "or") == positive:
                return _few([*first, *second])
            return _few([[*a, *b] for a in first for b in second])
        case ast.Compare(ops, operands) if len(ops) > 1:
            links = zip(ops, operands, operands[1:], strict=False)
            chain: list[ast.Expr] = [ast.Compare((op,), (a, b)) for op, a, b in links]
            return _cases(reduce(fold.conjunction, chain), labels, positive)
        case _:
            return [[expr if positive else fold.negation(expr)]]


def _few(cases: list[list[ast.Expr]]) -> list[list[ast.Expr]]:
    if len(cases) > MOST_PRODUCTS:
        raise AnalysisTooComplex(f"it is a union of more than {MOST_PRODUCTS} products")
    return cases


def in_order(expr: ast.Expr, labels: Sequence[str]) -> ast.Expr:
    """Comparisons of whole positions written out: row-major order is lexicographic."""
    match expr:
        case ast.Compare((op,), (ast.Name("q" | "k" as left), ast.Name("q" | "k" as right))):
            return lexicographic(op, left, right, labels)
        case ast.Compare(ops, operands) if len(ops) > 1 and _compares_points(expr):
            links = zip(ops, operands, operands[1:], strict=False)
            parts = [in_order(ast.Compare((op,), (a, b)), labels) for op, a, b in links]
            return reduce(fold.conjunction, parts)
        case ast.Unary("not", operand):
            return fold.negation(in_order(operand, labels))
        case ast.Binary("and" | "or" as op, left_, right_):
            return fold.binary(op, in_order(left_, labels), in_order(right_, labels))
        case _:
            return expr


def lexicographic(op: str, left: str, right: str, labels: Sequence[str]) -> ast.Expr:
    """`left op right` by coordinates, the first axis deciding first."""

    def test(how: str, label: str) -> ast.Expr:
        return ast.Compare((how,), (ast.Name(f"{left}.{label}"), ast.Name(f"{right}.{label}")))  # type: ignore[arg-type]

    if op in ("==", "!="):
        same = reduce(fold.conjunction, [test("==", label) for label in labels])
        return same if op == "==" else fold.negation(same)
    strict = op[0]
    *outer, last = labels
    found = test(op, last)
    for label in reversed(outer):
        found = fold.disjunction(test(strict, label), fold.conjunction(test("==", label), found))
    return found


def spoken_of(expr: ast.Expr, labels: Sequence[str]) -> set[str]:
    """The axes that an expression mentions; one that reads a tensor mentions nothing alone."""
    if any(map(opaque, fold.walk(expr))):
        return {"", "tensors"}
    return {name.partition(".")[2] for name in fold.names(expr) if "." in name}


def of_all_tokens(expr: ast.Expr) -> bool:
    """Whether it reads what no axis has: whole positions, or the number of tokens."""
    return bool({"q", "k", "len", "qlen"} & fold.names(expr))


def _compares_points(expr: ast.Expr) -> bool:
    return bool({"q", "k"} & fold.names(expr))


def _product(case: Iterable[ast.Expr], labels: Sequence[str]) -> Product:
    """The product of a conjunction."""
    found: dict[str, ast.Expr] = dict.fromkeys(labels, ALWAYS)
    heads: ast.Expr = ALWAYS
    rest: ast.Expr = ALWAYS
    for condition in case:
        spoken = spoken_of(condition, labels)
        if of_all_tokens(condition) or len(spoken) > 1:
            rest = fold.conjunction(rest, condition)
        elif not spoken:
            heads = fold.conjunction(heads, condition)
        else:
            (label,) = spoken
            found[label] = fold.conjunction(found[label], along_axis(condition, label))
    return Product(tuple(found[label] for label in labels), heads, rest)


def along_axis(condition: ast.Expr, label: str) -> ast.Expr:
    """A condition on one axis, with the axis left out of its names."""
    return fold.substitute(condition, {f"{n}.{label}": ast.Name(n) for n in NAMES})
