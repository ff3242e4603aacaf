"""Patterns whose pairs all lie at distances that a number divides: dilated and strided ones.

The positions that leave the same remainder form a sequence of their own, of which the pattern is an
ordinary one: a window with dilation 4 is a plain window on every fourth position. So a kernel can
treat each residue class as a sequence, whose rows lie `step` apart.
"""

from dataclasses import dataclass

from attnc.compiler import fold
from attnc.compiler.loops import as_condition
from attnc.compiler.relation import OPERATIONS, Relation, Translator
from attnc.compiler.sets import Affine, IntegerSet, Space, context, guard, membership
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex

RESIDUE, BEYOND = "residue", "beyond"  # of a class: its remainder; rows after its last one


@dataclass(frozen=True, slots=True)
class Classes:
    """The `step` of the classes, and the condition on the numbers of rows within a class."""

    step: int
    condition: ast.Expr


def classes(relation: Relation) -> Classes | None:
    """The classes of the greatest step, if there are any: within each the pattern is the same.

    In the new condition `q`, `k` and `len` count within the class.
    """
    if not relation.exact or relation.uses_batch or "qlen" in fold.names(relation.condition):
        return None
    for step in sorted(_divisors(relation.condition), reverse=True):
        try:
            with guard(OPERATIONS):
                found = _within(relation, step) if _divides(relation, step) else None
        except AnalysisTooComplex:
            continue
        if found is not None:
            return Classes(step, found)
    return None


@dataclass(frozen=True, slots=True)
class Class:
    """Where a class begins in a sequence, the numbers of its first rows, and its lengths."""

    q_first: int
    k_first: int
    q_start: int
    k_start: int
    q_len: int
    k_len: int


def rows_from(first: int, length: int, step: int) -> int:
    """How many of so many rows lie a multiple of `step` after the first one of a class."""
    return max(0, -(-(length - first) // step))


def split(step: int, q_start: int, k_start: int, q_len: int, k_len: int) -> list[Class]:
    """The classes of a sequence, by the remainders of its positions."""
    found = []
    for residue in range(step):
        q_first, k_first = (residue - q_start) % step, (residue - k_start) % step
        starts = (q_start + q_first) // step, (k_start + k_first) // step
        lengths = rows_from(q_first, q_len, step), rows_from(k_first, k_len, step)
        found.append(Class(q_first, k_first, *starts, *lengths))
    return found


def _divisors(condition: ast.Expr) -> set[int]:
    """The constants that something is taken `mod` of."""
    return {
        node.right.value
        for node in fold.walk(condition)
        if isinstance(node, ast.Binary) and node.op == "mod" and isinstance(node.right, ast.Int)
        if node.right.value > 1
    }


def _divides(relation: Relation, step: int) -> bool:
    """Whether the step divides the distance of every pair."""
    space = Space(relation.dims, relation.params)
    return relation.upper.is_subset(space.parse(f"(q - k) mod {step} = 0"))


def _within(relation: Relation, step: int) -> ast.Expr | None:
    """The condition within a class, if it is the same in each and for each end of the sequence."""
    params = ("len", *relation.runtime, RESIDUE, BEYOND)
    facts = [f"0 <= {name} < {step}" for name in (RESIDUE, BEYOND)]
    space, known = Space(relation.dims, params), context(params, facts)
    pairs = _Scaled(space, relation.floats, step).holds(relation.condition, True, "upper") & known
    same = pairs.project_params(RESIDUE, BEYOND).coalesce()
    if not _extended(same, space, known).is_equal(pairs):
        return None
    return as_condition(membership(same, context(params[:-2], ())))


def _extended(pairs: IntegerSet, space: Space, known: IntegerSet) -> IntegerSet:
    return (space.everything() & known) & pairs


@dataclass(frozen=True, slots=True)
class _Scaled(Translator):
    """A condition with positions replaced by `step` times the row of a class plus the residue."""

    step: int

    def value(self, expr: ast.Expr) -> Affine:
        """The last position is `beyond` rows after the last one of the class."""
        match expr:
            case ast.Name("q" | "k" as name):
                return self.space.variable(name).scale(self.step) + self.space.variable(RESIDUE)
            case ast.Name("len"):
                last = (self.space.variable("len") - self.space.constant(1)).scale(self.step)
                end = self.space.variable(RESIDUE) + self.space.variable(BEYOND)
                return last + end + self.space.constant(1)
            case _:
                return Translator.value(self, expr)
