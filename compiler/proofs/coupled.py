"""Conditions that couple axes, as sets of the coordinates of all axes at once, for every extent.

Row-major order is lexicographic, so claims about order need no numbers of tokens. What multiplies
extents (the number of tokens among them) is no such set, and is left to small grids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod

from attnc.compiler import fold
from attnc.compiler.errors import NotAffineError
from attnc.compiler.grids import in_order, lexicographic
from attnc.compiler.proofs.proof import Counterexample, Verdict
from attnc.compiler.proofs.small import reads_input
from attnc.compiler.relation import Translator, check_size
from attnc.compiler.sets import IntegerSet, Space, guard
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex

OPERATIONS = 2_000_000  # of isl for all heads
COMPOSING = 2_000_000
JOINTLY = "for all axes together"

Asked = Sequence[tuple[int | None, ast.Expr]]
Axes = Sequence[tuple[str, str | int]]


def decided(
    asked: Asked, axes: Axes, covers: bool, floats: frozenset[str]
) -> tuple[Verdict, Counterexample | None, str] | None:
    """The verdict on conditions of heads that must hold for no pair, or `covers` each query.

    None where sets do not decide it. The counterexample is the least by the extents in order.
    """
    try:
        with guard(OPERATIONS):
            failing = [_failing(condition, axes, covers, floats) for _, condition in asked]
            if all(possible.is_empty() for possible, _ in failing):
                return "proved", None, JOINTLY
            for (head, _), (_, certain) in zip(asked, failing, strict=True):
                if not certain.is_empty():
                    return "refuted", _example(certain, axes, head), JOINTLY
    except (AnalysisTooComplex, NotAffineError):
        return None
    return None


def reached(
    layers: Sequence[tuple[Sequence[ast.Expr], int]],
    axes: Axes,
    floats: frozenset[str],
    ordered: bool,
) -> tuple[Verdict, Counterexample | None, str] | None:
    """Whether every token of the hull is reached: conditions of heads, and how many such layers.

    From the last layer down, for every extent. None where sets do not decide it.
    """
    try:
        with guard(COMPOSING):
            joint = _Joint(axes, floats)
            same = joint.pairs(lexicographic("==", "k", "q", joint.labels))[1]
            found = same
            for conditions, count in layers:
                layer = reduce(IntegerSet.__or__, [same, *(joint.pairs(c)[1] for c in conditions)])
                for _ in range(count):
                    found = found.compose(layer.coalesce()).coalesce()
            missed = joint.pairs(ast.Bool(True))[0] - found
            if ordered:
                missed = missed & joint.pairs(lexicographic("<=", "k", "q", joint.labels))[0]
            if missed.is_empty():
                return "proved", None, f"by composing the relation, {JOINTLY}"
            if any(reads_input(one, axes) for conditions, _ in layers for one in conditions):
                return None
            return "refuted", _example(missed, axes, None), f"by composing, {JOINTLY}"
    except (AnalysisTooComplex, NotAffineError):
        return None


def _failing(
    condition: ast.Expr, axes: Axes, covers: bool, floats: frozenset[str]
) -> tuple[IntegerSet, IntegerSet]:
    """Pairs (queries) that fail for some tensors, and for all."""
    joint = _Joint(axes, floats)
    upper, lower = joint.pairs(condition)
    if not covers:
        return upper, lower
    every, keys = joint.pairs(ast.Bool(True))[0], joint.sides["k"]
    queries = every.project(*keys)
    return queries - lower.project(*keys), queries - upper.project(*keys)


@dataclass(frozen=True, slots=True)
class _Joint:
    """Pairs as sets over `q0 q1 ... k0 k1 ...`, their coordinates; extents are parameters."""

    axes: Axes
    floats: frozenset[str]

    @property
    def labels(self) -> list[str]:
        """The names of the axes."""
        return [label for label, _ in self.axes]

    @property
    def sides(self) -> dict[str, list[str]]:
        """The coordinates of queries and keys."""
        return {side: [f"{side}{i}" for i in range(len(self.axes))] for side in "qk"}

    def pairs(self, condition: ast.Expr) -> tuple[IntegerSet, IntegerSet]:
        """The pairs for some tensors, and for all; `NotAffineError` where there is no such set."""
        known: dict[str, ast.Expr] = {}
        sizes: list[str] = []
        for i, (label, extent) in enumerate(self.axes):
            sizes.append(_extent(extent) if isinstance(extent, str) else str(extent))
            size = ast.Name(sizes[i]) if isinstance(extent, str) else ast.Int(extent)
            known |= {f"q.{label}": ast.Name(f"q{i}"), f"k.{label}": ast.Name(f"k{i}")}
            known[f"len.{label}"] = size
        dims = (*self.sides["q"], *self.sides["k"])
        extents = tuple(dict.fromkeys(size for size in sizes if not size.isdigit()))
        written = in_order(condition, self.labels)
        if {"q", "k", "len", "qlen", *dims, *extents} & fold.names(written):
            raise NotAffineError("the number of a token is a product, or a name is taken")
        written = fold.substitute(written, known)
        check_size(written)
        variables = {n.variable for n in fold.walk(written) if isinstance(n, ast.Exists)}
        numbers = sorted(fold.names(written) - {*dims, *extents} - self.floats - variables)
        space = Space(dims, (*extents, *numbers))
        inside = (f"0 <= {x} < {n}" for x, n in zip(dims, sizes * 2, strict=True))
        exists, translate = space.parse(" and ".join(inside)), Translator(space, self.floats)
        upper, lower = (translate.holds(written, True, bias) for bias in ("upper", "lower"))
        return (upper & exists).coalesce(), (lower & exists).coalesce()


def _extent(name: str) -> str:
    """What an extent is called among the parameters."""
    return f"n_{name}"


def _example(failing: IntegerSet, axes: Axes, head: int | None) -> Counterexample:
    """The failure at the least extents, compared axis by axis."""
    extents = list(dict.fromkeys(_extent(e) for _, e in axes if isinstance(e, str)))
    numbers = [name for name in failing.params if name not in extents]
    point = failing.project_params(*numbers).as_dims(*extents).first_point()
    assert point is not None
    sizes = [e if isinstance(e, int) else point[_extent(e)] for _, e in axes]

    def token(side: str) -> int | None:
        found = 0
        for i, size in enumerate(sizes):
            if f"{side}{i}" not in point:
                return None
            found = found * size + point[f"{side}{i}"]
        return found

    n, query = prod(sizes), token("q")
    assert query is not None
    return Counterexample(n, n, query, token("k"), head, tuple(sizes))
