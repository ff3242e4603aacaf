import random

import pytest

from attnc.compiler import polygon
from attnc.compiler.counts import census, count
from attnc.compiler.sets import parse
from attnc.dsl.errors import AnalysisTooComplex
from tests.compiler import specs
from tests.compiler.brute import Lengths, classes, grid


@pytest.mark.parametrize("seed", range(50))
def test_floor_sum(seed):
    draw = random.Random(seed)
    n, m = draw.randrange(0, 50), draw.randrange(1, 30)
    a, b = draw.randrange(-60, 60), draw.randrange(-60, 60)
    assert polygon.floor_sum(n, m, a, b) == sum((a * i + b) // m for i in range(n))


@pytest.mark.parametrize(
    "text",
    [
        "{ [x, y] : 0 <= x < 30 and 0 <= y <= x }",
        "{ [x, y] : 0 <= 3x + 2y <= 50 and 0 <= 2x - 3y <= 40 }",
        "{ [x, y] : 0 <= x < 100 and 0 <= y < 100 and 2x = 3y + 1 }",
        "{ [x, y] : 0 <= x < 100 and 0 <= y < 100 and 4x = 6y + 1 }",
        "{ [x, y] : 0 <= x < 60 and 0 <= y < 60 and (x + 2y) mod 5 = 3 }",
        "{ [x, y] : 0 <= x < 60 and 0 <= y < 60 and floor(2x / 7) <= floor(3y / 5) }",
        "{ [x, y] : 0 <= x < 60 and 0 <= y < 60 and (floor(x / 4) + y) mod 3 = 0 }",
        "{ [x, y] : 0 <= x < 40 and x <= y < 2x or 3 <= y <= 20 and 0 <= x <= 10 }",
        "{ [x, y] : x = 3 and 0 <= y < 9 }",
        "{ [x, y] : x = 3 and y = 4 }",
        "{ [x, y] : x > 3 and x < 3 and 0 <= y < 5 }",
        "{ [x] : 0 <= x < 50 and x mod 7 >= 4 }",
        "{ [x, y, z] : 0 <= x < 9 and 0 <= y < x and y <= z < 20 }",
    ],
)
def test_counts_are_those_of_a_scan(text):
    points = parse(text)
    assert count(points) == points.count()


def test_an_infinite_set_has_no_count():
    with pytest.raises(AnalysisTooComplex):
        count(parse("{ [x, y] : 0 <= x <= y }"))


def test_a_large_triangle_takes_no_scan():
    n = 10**12
    assert count(parse(f"{{ [q, k] : 0 <= k <= q < {n} }}")) == n * (n + 1) // 2


@pytest.mark.parametrize("name", [*specs.MASKS])
def test_census(name):
    pairs = specs.relation(name)
    heads = specs.HEADS if pairs.uses_head else 1
    for n in (Lengths(0, 0, 100, 100), Lengths(37, 0, 20, 57), Lengths(2, -7, 33, 60)):
        expected = grid(pairs.condition, n, heads)
        live, full = classes(expected, n, 16, 8)
        numbers = census(pairs, 16, 8, **n.values)
        assert numbers.useful == expected.sum()
        assert numbers.visited == len(live) * 128
        assert (numbers.full, numbers.partial) == (len(full), len(live - full))
        assert numbers.empty == heads * -(-n.q_len // 16) * -(-n.k_len // 8) - len(live)
