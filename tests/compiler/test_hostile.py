"""Formulas made to be slow end in a clear error, soon."""

import time
from functools import reduce

import pytest

from attnc.compiler.inline import mask_condition
from attnc.compiler.loops import plan
from attnc.compiler.proofs import covers
from attnc.compiler.relation import of_bound, relation
from attnc.compiler.tiles import visits
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AttnError
from attnc.dsl.loader import load
from attnc.dsl.parser import parse_expression
from tests.compiler.specs import bind

SECONDS = 5.0

Q, K = ast.Name("q"), ast.Name("k")


def union(count: int) -> ast.Expr:
    parts = [parse_expression(f"(q * {i + 2} + k) mod {i + 3} == 1") for i in range(count)]
    return reduce(lambda a, b: ast.Binary("or", a, b), parts)


def nested(depth: int, wrap) -> ast.Expr:
    return reduce(lambda inner, _: wrap(inner), range(depth), parse_expression("k <= q"))


def folded(count: int, step) -> ast.Expr:
    return ast.Compare(("==",), (reduce(step, range(count), ast.Binary("+", Q, K)), ast.Int(3)))


def alternating(inner: ast.Expr) -> ast.Expr:
    either = ast.Binary("or", inner, parse_expression("k < 3"))
    return ast.Binary("and", either, parse_expression("q > 1"))


def remainder(inner: ast.Expr, i: int) -> ast.Expr:
    return ast.Binary("mod", ast.Binary("*", ast.Int(7 + i), inner), ast.Int(101 + i))


def piece(inner: ast.Expr, i: int) -> ast.Expr:
    line = parse_expression(f"q * {i + 1} - k * {2 * i + 1} - {i}")
    return ast.Binary("+", inner, ast.Call("abs", (line,)))


def joined(operator: str, parts) -> ast.Expr:
    return parse_expression(f" {operator} ".join(parts))


PRIMES = (101, 103, 107, 109, 113, 127, 131)
HUGE = [f"(q * {10**17 + i} + k) mod {10**16 + 3 * i + 1} <= {10**15}" for i in range(8)]
HOSTILE = {
    "thousands of unions": union(3000),
    "unions that do not merge": union(60),
    "intersections": ast.Unary("not", union(40)),
    "deep negation": nested(5000, lambda e: ast.Unary("not", e)),
    "deep alternation": nested(3000, alternating),
    "deep arithmetic": folded(3000, lambda e, i: ast.Call("max", (ast.Unary("-", e), K))),
    "nested divisions": folded(40, remainder),
    "piecewise": folded(30, piece),
    "huge constants": joined("and", HUGE),
    "coprime residues": joined("or", [f"(q + k) mod {p} == {p // 2}" for p in PRIMES]),
}


@pytest.mark.parametrize("name", [*HOSTILE])
@pytest.mark.parametrize("stage", ["tiles", "loops", "proof"])
def test_a_clear_end_within_seconds(name, stage):
    start = time.process_time()
    try:
        pairs = relation(HOSTILE[name])
        match stage:
            case "tiles":
                visits(pairs, 48, 8)
            case "loops":
                plan(visits(pairs, 48, 8).masked, pairs, size=48, other_size=8)
            case "proof":
                covers(pairs)
    except AttnError as error:
        assert "complex" in str(error)
    assert time.process_time() - start < SECONDS


def test_a_mask_that_doubles_itself():
    definitions = "mask m0 = { k <= q }\n" + "\n".join(
        f"mask m{i} = (m{i - 1} & window({i})) | m{i - 1}" for i in range(1, 40)
    )
    start = time.process_time()
    with pytest.raises(AttnError):
        spec = load(f"attn 1\nuse std\n{definitions}\nattention a {{ mask m39 }}")
        mask_condition(spec.bind(), None, None)
    assert time.process_time() - start < SECONDS


def test_the_limits_are_not_met_by_a_long_honest_union():
    mask = " | ".join(f"{{ q - k == {7 * i * i} }}" for i in range(60))
    pairs = relation(parse_expression("k <= q")).upper
    assert of_bound(bind(mask)).upper.is_subset(pairs)
