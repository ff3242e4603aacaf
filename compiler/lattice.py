"""Counting integer points without scanning them.

A convex piece of a set is a system of rows. Equalities are eliminated by unimodular substitutions,
floor divisions by splitting a variable into residues, and what is left in two variables is summed
in closed form by `compiler.polygon`. The cost depends on the coefficients, hardly on the extent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd

from attnc.compiler.polygon import Row, interval, polygon
from attnc.compiler.sets import Piece
from attnc.dsl.errors import AnalysisTooComplex

CASE_LIMIT = 20_000


@dataclass(slots=True)
class _Budget:
    cases: int = CASE_LIMIT

    def spend(self, cases: int) -> None:
        self.cases -= cases
        if self.cases < 0:
            raise AnalysisTooComplex("its points are too many to count")


def count(pieces: Sequence[Piece]) -> int:
    """The number of integer points of disjoint, bounded, convex pieces.

    Raises `AnalysisTooComplex` where that takes more than `CASE_LIMIT` sums.
    """
    budget = _Budget()
    return sum(_count_piece(piece, budget) for piece in pieces)


def _count_piece(piece: Piece, budget: _Budget) -> int:
    rows = set(piece.inequalities)
    width = len(piece.divisions)
    for i, division in enumerate(piece.divisions):
        if division is None:
            raise AnalysisTooComplex("it has an existential that is no floor division")
        divisor, numerator = division
        place = len(numerator) - width + i
        below = tuple(v - divisor * (j == place) for j, v in enumerate(numerator))
        above = tuple(-v + (divisor - 1) * (j == 0) for j, v in enumerate(below))
        rows |= {below, above}
    solved = _solve(list(piece.equalities), sorted(rows))
    return 0 if solved is None else _count(solved, budget)


# ---------------------------------------------------------------- equalities


def _solve(equalities: list[Row], rows: list[Row]) -> list[Row] | None:
    """The inequalities in fewer variables, in bijection; None if the equalities contradict."""
    while equalities:
        equality = equalities.pop()
        while len(used := [i for i, v in enumerate(equality) if i and v]) > 1:
            least = min(used, key=lambda i: abs(equality[i]))
            other = next(i for i in used if i != least)
            factor = equality[other] // equality[least]
            equality, *rest = _sheared([equality, *equalities, *rows], least, other, factor)
            equalities, rows = rest[: len(equalities)], rest[len(equalities) :]
        if not used:
            if equality[0]:
                return None
            continue
        if equality[0] % equality[used[0]]:
            return None
        value = -equality[0] // equality[used[0]]
        equalities = [_fixed(row, used[0], value) for row in equalities]
        rows = [_fixed(row, used[0], value) for row in rows]
    return rows


def _sheared(rows: list[Row], least: int, other: int, factor: int) -> list[Row]:
    """The rows after substituting `x[least] = y - factor * x[other]`, y taking its place."""
    return [
        tuple(v - factor * row[least] if i == other else v for i, v in enumerate(row))
        for row in rows
    ]


def _fixed(row: Row, place: int, value: int) -> Row:
    """The row with one variable replaced by a value."""
    return (row[0] + row[place] * value, *row[1:place], *row[place + 1 :])


# ---------------------------------------------------------------- inequalities


def _count(rows: list[Row], budget: _Budget) -> int:
    """The number of integer points that satisfy all rows."""
    budget.spend(1)
    tight = _normal(rows)
    if tight is None:
        return 0
    rows, free = tight
    match len(rows[0]) - 1 if rows else 0:
        case 0:
            return 0 if free else 1
        case 1:
            low, high = interval(rows)
            return max(0, high - low + 1)
        case 2:
            return polygon(rows)
        case _:
            return sum(_count(case, budget) for case in _split(rows, budget))


def _normal(rows: list[Row]) -> tuple[list[Row], bool] | None:
    """Rows divided by their gcds (rounded inwards), constants dropped; None if contradictory."""
    found: dict[Row, int] = {}
    for constant, *coefficients in rows:
        divisor = gcd(*coefficients) if coefficients else 0
        if divisor == 0:
            if constant < 0:
                return None
            continue
        key = tuple(v // divisor for v in coefficients)
        bound = constant // divisor
        found[key] = min(bound, found.get(key, bound))
    return [(bound, *key) for key, bound in found.items()], bool(rows) and len(rows[0]) > 1


def _split(rows: list[Row], budget: _Budget) -> Iterator[list[Row]]:
    """The rows in one variable less, in disjoint cases: residues, or values of one variable."""
    for _ in rows[0][1:]:
        rows = _straightened(rows)
    bounds = _bounds(rows)
    extents = {i: high - low + 1 for i, (low, high) in bounds.items()}
    shortest = min(extents, key=lambda i: extents[i], default=None)
    division = _cheapest_division(rows)
    if division and (shortest is None or division[2] < extents[shortest]):
        quotient, variable, modulus = division
        budget.spend(modulus)
        yield from _residues(rows, quotient, variable, modulus)
        return
    if shortest is None:
        raise AnalysisTooComplex("it has infinitely many points")
    low, high = bounds[shortest]
    budget.spend(max(0, high - low + 1))
    for value in range(low, high + 1):
        yield [_fixed(row, shortest, value) for row in rows]


def _straightened(rows: list[Row]) -> list[Row]:
    """The rows with a narrow strip `0 <= f(x) < n` turned into the bounds of a variable, if any."""
    constants = {row[1:]: row[0] for row in rows}
    for row in rows:
        opposite = constants.get(tuple(-v for v in row[1:]))
        terms = [i for i in range(1, len(row)) if row[i]]
        units = [i for i in terms if abs(row[i]) == 1]
        if opposite is None or not units or len(terms) == 1:
            continue
        if row[0] + opposite < max(abs(row[i]) for i in terms):
            return [_exchanged(other, row, units[0]) for other in rows]
    return rows


def _exchanged(row: Row, form: Row, place: int) -> Row:
    """The row after replacing the variable at `place`, of coefficient 1 or -1, by the form."""
    factor = row[place] * form[place]
    return tuple(
        factor if i == place else v - factor * f
        for i, (v, f) in enumerate(zip(row, form, strict=True))
    )


def _cheapest_division(rows: list[Row]) -> tuple[int, int, int] | None:
    """`(e, x, modulus)`: e is a floor of something in which x has to be split by its residue.

    A modulus of 1 means that x is the floor's only variable and divides evenly.
    """
    constants = {row[1:]: row[0] for row in rows}
    best = None
    for row in rows:
        opposite = constants.get(tuple(-v for v in row[1:]))
        if opposite is None:
            continue
        for e in range(1, len(row)):
            divisor = abs(row[e])
            if divisor < 2 or row[0] + opposite >= divisor:
                continue
            for x in range(1, len(row)):
                modulus = divisor // gcd(divisor, row[x])
                if x != e and row[x] and modulus > 1 and (best is None or modulus < best[2]):
                    best = (e, x, modulus)
    return best


def _residues(rows: list[Row], quotient: int, variable: int, modulus: int) -> Iterator[list[Row]]:
    """The cases `x = modulus * y + r`, y in the place of x."""
    for residue in range(modulus):
        case = [
            (
                row[0] + residue * row[variable],
                *(modulus * v if i == variable else v for i, v in enumerate(row[1:], 1)),
            )
            for row in rows
        ]
        tight = _normal(case)
        if tight is not None:
            yield _substituted(tight[0], quotient)


def _substituted(rows: list[Row], quotient: int) -> list[Row]:
    """The rows without the quotient, if two of them have come to fix it; else the rows."""
    constants = {row[1:]: row[0] for row in rows}
    for row in rows:
        opposite = constants.get(tuple(-v for v in row[1:]))
        if row[quotient] == 1 and opposite == -row[0]:
            solved = _solve([row], rows)
            return [] if solved is None else solved
    return rows


def _bounds(rows: list[Row]) -> dict[int, tuple[int, int]]:
    """Bounds of the variables that have them, by propagation through the rows."""
    width = len(rows[0])
    low: dict[int, int] = {}
    high: dict[int, int] = {}
    for _ in range(2 * width):
        for row in rows:
            for i in range(1, width):
                rest = _greatest_rest(row, i, low, high) if row[i] else None
                if rest is None:
                    continue
                if row[i] > 0:
                    bound = -(rest // row[i])
                    low[i] = max(bound, low.get(i, bound))
                else:
                    bound = rest // -row[i]
                    high[i] = min(bound, high.get(i, bound))
    return {i: (low[i], high[i]) for i in low.keys() & high.keys()}


def _greatest_rest(row: Row, skip: int, low: dict[int, int], high: dict[int, int]) -> int | None:
    """The greatest value of the row without one variable's term; None if unbounded."""
    total = row[0]
    for i, v in enumerate(row):
        if i in (0, skip) or not v:
            continue
        limit = (high if v > 0 else low).get(i)
        if limit is None:
            return None
        total += v * limit
    return total
