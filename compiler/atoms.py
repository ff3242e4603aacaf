"""The condition of a grid as a formula over atoms, each of which speaks of one axis alone.

Where only the truth of the atoms matters, pairs of points are alike, so the formula is decided for
whole cells of pairs: those along each axis that satisfy the same atoms. What couples axes or reads
a tensor is left open: true for all that is known, and false.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from attnc.compiler import fold
from attnc.compiler.grids import along_axis, in_order, of_all_tokens, spoken_of
from attnc.dsl import syntax as ast

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Truth:
    """For each choice of a cell along each axis: may the formula hold, and does it certainly."""

    possible: Booleans
    certain: Booleans


@dataclass(frozen=True, slots=True)
class Formula:
    """A condition on coordinates, and its atoms along each axis, on `q`, `k` and `len` there."""

    condition: ast.Expr
    labels: tuple[str, ...]
    floats: frozenset[str]

    def atoms(self) -> list[tuple[ast.Expr, ...]]:
        """The different atoms of each axis."""
        found: list[dict[ast.Expr, None]] = [{} for _ in self.labels]
        pending = [self.condition]
        while pending:
            match pending.pop():
                case ast.Unary("not", operand):
                    pending.append(operand)
                case ast.Binary("and" | "or", left, right) as both if self._place(both) is None:
                    pending += [right, left]
                case other if (place := self._place(other)) is not None:
                    found[place][along_axis(other, self.labels[place])] = None
                case _:
                    pass
        return [tuple(one) for one in found]

    def truth(self, cells: Sequence[Sequence[Sequence[int]]]) -> Truth:
        """The formula on cells, each given by the numbers of the atoms that hold in it."""
        numbers = [{atom: i for i, atom in enumerate(one)} for one in self.atoms()]

        def leaf(place: int, atom: ast.Expr) -> Truth:
            number = numbers[place][along_axis(atom, self.labels[place])]
            holds = np.array([number in members for members in cells[place]], bool)
            shape = [1] * len(self.labels)
            shape[place] = -1
            return Truth(holds.reshape(shape), holds.reshape(shape))

        def value(expr: ast.Expr) -> Truth:
            match expr:
                case ast.Bool(known):
                    return Truth(np.array(known), np.array(known))
                case ast.Unary("not", operand):
                    inner = value(operand)
                    return Truth(~inner.certain, ~inner.possible)
                case _ if (place := self._place(expr)) is not None:
                    return leaf(place, expr)
                case ast.Binary("and", left, right):
                    a, b = value(left), value(right)
                    return Truth(a.possible & b.possible, a.certain & b.certain)
                case ast.Binary("or", left, right):
                    a, b = value(left), value(right)
                    return Truth(a.possible | b.possible, a.certain | b.certain)
                case _:
                    return Truth(np.array(True), np.array(False))

        found, shape = value(self.condition), tuple(map(len, cells))
        return Truth(np.broadcast_to(found.possible, shape), np.broadcast_to(found.certain, shape))

    def _place(self, expr: ast.Expr) -> int | None:
        """The axis that an expression speaks of, if it is one alone and nothing else."""
        spoken = spoken_of(expr, self.labels)
        if len(spoken) != 1 or of_all_tokens(expr) or fold.names(expr) & self.floats:
            return None
        (label,) = spoken
        return self.labels.index(label)


def formula(
    condition: ast.Expr, labels: Sequence[str], floats: frozenset[str] = frozenset()
) -> Formula:
    """The formula of a condition: comparisons of whole points and chains are taken apart."""
    return Formula(_apart(in_order(condition, labels), labels), tuple(labels), floats)


def _apart(expr: ast.Expr, labels: Sequence[str]) -> ast.Expr:
    """Chains of comparisons that speak of several axes, link by link."""
    match expr:
        case ast.Unary("not", operand):
            return fold.negation(_apart(operand, labels))
        case ast.Binary("and" | "or" as op, left, right):
            return fold.binary(op, _apart(left, labels), _apart(right, labels))
        case ast.Compare(ops, operands) if len(ops) > 1 and len(spoken_of(expr, labels)) > 1:
            links = zip(ops, operands, operands[1:], strict=False)
            chain: list[ast.Expr] = [ast.Compare((op,), (a, b)) for op, a, b in links]
            return reduce(fold.conjunction, chain)
        case _:
            return expr
