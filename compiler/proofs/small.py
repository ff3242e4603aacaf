"""Small grids, all pairs at once: for conditions that couple axes, which no cell decides."""

import itertools
from collections.abc import Iterator, Sequence
from math import prod

from attnc.compiler import fold
from attnc.compiler.affine import opaque
from attnc.compiler.grids import on_tokens
from attnc.compiler.proofs.proof import Counterexample, Verdict
from attnc.compiler.relation import relation
from attnc.compiler.sets import IntegerSet, guard, parse
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex

MOST_TOKENS = 24
OPERATIONS = 200_000  # of isl for one grid

Asked = Sequence[tuple[int | None, ast.Expr]]
Axes = Sequence[tuple[str, str | int]]


def first_failure(
    asked: Asked, axes: Axes, covers: bool, why: str
) -> tuple[Verdict, Counterexample | None, str]:
    """The verdict on conditions of heads that must hold for no pair, or `covers` each query.

    `why` says what stands in the way of a proof for every extent.
    """
    conditions = [condition for _, condition in asked]
    if any(reads_input(one, axes) for one in conditions):
        return "unknown", None, "it depends on the values of an input"
    labels = [label for label, _ in axes]
    largest: tuple[int, ...] = ()
    for sizes in small_sizes(axes):
        for head, condition in asked:
            try:
                found = failure_of(on_tokens(condition, labels, sizes), prod(sizes), covers)
            except AnalysisTooComplex as error:
                return "unknown", None, str(error)
            if found is not None:
                n = prod(sizes)
                example = Counterexample(n, n, found["q"], found.get("k"), head, sizes)
                return "refuted", example, "found by trying small grids"
        largest = sizes
    if all(isinstance(extent, int) for _, extent in axes) and largest:
        return "proved", None, "at the extents of the spec"
    tried = f"no grid of up to {MOST_TOKENS} tokens breaks it" if largest else "its grid is large"
    return "unknown", None, f"{why}; {tried}"


def small_sizes(axes: Axes) -> Iterator[tuple[int, ...]]:
    """The extents that a small grid can have, the fewest tokens first."""
    choices = [[e] if isinstance(e, int) else range(1, MOST_TOKENS + 1) for _, e in axes]
    small = (s for s in itertools.product(*choices) if prod(s) <= MOST_TOKENS)
    yield from sorted((s for s in small if consistent(axes, s)), key=lambda s: (prod(s), s))


def consistent(axes: Axes, sizes: Sequence[int]) -> bool:
    """Axes whose extent has one name have one extent, and constants are kept."""
    named: dict[str, int] = {}
    pairs = zip((extent for _, extent in axes), sizes, strict=True)
    return all(
        name == n if isinstance(name, int) else named.setdefault(name, n) == n for name, n in pairs
    )


def failure_of(condition: ast.Expr, tokens: int, covers: bool) -> dict[str, int] | None:
    """The first pair for which the condition holds, or the first query for which it never does."""
    numbers = {name: ast.Int(tokens) for name in ("len", "qlen")}
    with guard(OPERATIONS):
        pairs: IntegerSet = relation(fold.substitute(condition, numbers)).upper
        pairs = pairs.fix(q_start=0, k_start=0, q_len=tokens, k_len=tokens)
        if not covers:
            return pairs.first_point()
        return (parse(f"{{ [q] : 0 <= q < {tokens} }}") - pairs.project("k")).first_point()


def reads_input(condition: ast.Expr, axes: Axes) -> bool:
    """Whether anything but positions and sizes has a say."""
    known = {"q", "k", "len", "qlen"} | {f"{n}.{a}" for n in ("q", "k", "len") for a, _ in axes}
    tensors = any(map(opaque, fold.walk(condition)))
    bound = {n.variable for n in fold.walk(condition) if isinstance(n, ast.Exists)}
    return tensors or bool(fold.names(condition) - known - bound)
