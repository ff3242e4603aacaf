"""`reaches` on grids: by axes for every extent, by the graph at some, against matrices of pairs."""

import itertools
import random

import numpy as np
import pytest

from attnc.compiler.proofs import proofs_of
from attnc.compiler.proofs.proof import Proof
from attnc.dsl.loader import load
from attnc.runtime.oracle import mask

PLANE = "grid y: Y, x: X\nattention a"


def claimed(pairs: str, claim: str, head: str = PLANE) -> Proof:
    bound = load(f"{head} {{ mask {pairs} assert {claim} }}").bind()
    (proof,) = proofs_of(bound, 2, 2)
    return proof


@pytest.mark.parametrize(
    ("pairs", "claim", "verdict", "reason"),
    [
        ("same on y | same on x", "reaches(2)", "proved", "axis by axis"),
        ("same on y | same on x", "reaches(1)", "refuted", "graph"),
        ("same on y", "reaches(3)", "refuted", "along `y`"),
        ("window(2) on y", "reaches(3)", "refuted", "along `y`"),
        ("window(2) on y", "reaches(3, 7, 1000)", "proved", "axis by axis"),
        ("window(2) on y", "reaches(3, 8, 1000)", "refuted", "along `y`"),
        ("{ q.y + q.x <= k.y + k.x + 3 }", "reaches(3, 4, 4)", "proved", "graph of 16"),
        ("{ abs(q.y - k.y) + abs(q.x - k.x) <= 2 }", "reaches(3, 4, 4)", "proved", "graph"),
        ("{ abs(q.y - k.y) + abs(q.x - k.x) <= 2 }", "reaches(2, 4, 4)", "refuted", "graph"),
        ("{ abs(q.y - k.y) + abs(q.x - k.x) <= 2 }", "reaches(2)", "refuted", "graph"),
        ("{ abs(q.y - k.y) + abs(q.x - k.x) <= 99 }", "reaches(2)", "refuted", "composing"),
        ("{ abs(q.y - k.y) + abs(q.x - k.x) <= 99 }", "reaches(2, 64, 64)", "proved", "composing"),
        ("{ q.y + q.x >= k.y + k.x } | { q.y + q.x == 0 }", "reaches(2)", "proved", "composing"),
        ("(same on y when h == 0) | (same on x when h == 1)", "reaches(2)", "proved", "axis"),
        ("{ k <= q }", "reaches(1)", "proved", "a layer has"),
        ("{ k <= q } - { q.y == k.y + 1 }", "reaches(2)", "refuted", "graph"),
        ("{ k <= q } & { q.y + q.x != k.y + k.x + 1 }", "reaches(2, 5, 7)", "refuted", "graph"),
    ],
)
def test_verdicts(pairs: str, claim: str, verdict: str, reason: str) -> None:
    found = claimed(pairs, claim)
    assert found.verdict == verdict, found
    assert reason in found.reason


def test_lines_and_constants() -> None:
    """A grid of one axis is a sequence; extents of the spec are those that are meant."""
    line = "grid x: X\nattention a"
    assert claimed("causal on x", "reaches(1)", line).verdict == "proved"
    assert claimed("(causal & powers(2)) on x", "reaches(10, 1000)", line).verdict == "proved"
    small = "grid y: 4, x: 5\nattention a"
    assert claimed("window(1) on y & window(2) on x", "reaches(3)", small).verdict == "proved"
    found = claimed("window(1) on y & window(2) on x", "reaches(2)", small)
    assert (found.verdict, found.counterexample and found.counterexample.grid) == (
        "refuted",
        (4, 5),
    )
    found = claimed("window(1) on y & window(2) on x", "reaches(2, 5, 4)", small)
    assert (found.verdict, found.reason) == ("unknown", "the spec has other extents")
    number = (
        "grid x: X\nattention a { input n: int mask { abs(q.x - k.x) <= n } assert reaches(2) }"
    )
    (open_,) = proofs_of(load(number).bind(), None, None)
    assert (open_.verdict, open_.reason) == ("unknown", "it depends on run-time numbers")


def test_random_claims_are_those_of_the_matrix_of_pairs() -> None:
    chance = random.Random(5)
    masks = [
        "window(N) on y & window(N) on x", "neighborhood(N) on y & neighborhood(N) on x",
        "(window(N) on y & same on x) | (same on y & window(N) on x)",
        "window(N) on y & { abs(q.x + q.y - k.x - k.y) <= N }",
        "(causal & window(N)) on y & window(N) on x",
    ]  # fmt: skip
    seen = set()
    for text, _ in itertools.product(masks, range(4)):
        pairs = text.replace("N", str(chance.randint(1, 3)), 1).replace(
            "N", str(chance.randint(1, 3))
        )
        sizes, layers = (chance.randint(1, 6), chance.randint(1, 6)), chance.randint(1, 4)
        found = claimed(pairs, f"reaches({layers}, {sizes[0]}, {sizes[1]})")
        step = mask(f"{PLANE} {{ mask {pairs} }}", grid=sizes)[0].numpy() | np.eye(
            sizes[0] * sizes[1], dtype=bool
        )
        reached = np.linalg.matrix_power(step.astype(float), layers) > 0
        seen.add(found.verdict)
        assert found.verdict == ("proved" if reached.all() else "refuted"), (pairs, sizes, layers)
        example = found.counterexample
        assert example is None or (example.k is not None and not reached[example.q, example.k])
    assert seen == {"proved", "refuted"}
