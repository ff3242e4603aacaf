"""The least point of a product of sets along the axes of a grid, which may share numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from attnc.compiler.proofs.proof import Counterexample
from attnc.compiler.sets import IntegerSet

EXTENT = "k_len"


@dataclass(eq=False)
class Places:
    """Kinds of places along each axis, of which each choice is a product.

    Dimensions are `q`, or `q` and `k`; the extent is the parameter `k_len` where it is no constant.
    Axes whose extent has one name have one extent, and run-time numbers are those of all axes.
    """

    kinds: Sequence[Sequence[IntegerSet]]
    extents: Sequence[str | int]
    _known: dict[tuple[int, int], dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [n for n in dict.fromkeys(self.extents) if isinstance(n, str)]
        self.shared = [n for n in names if self.extents.count(n) > 1]
        params = [{n for one in own for n in one.params} - {EXTENT} for own in self.kinds]
        every = sorted(set().union(*params))
        self.numbers = [n for n in every if sum(n in own for own in params) > 1]

    def least(self, choice: Sequence[int]) -> Counterexample | None:
        """The least point of a choice, at the least extents that allow it; None if it has none."""
        if not self.shared and not self.numbers:
            return _example([self._first(a, i) for a, i in enumerate(choice)], self.extents)
        along = [own[i] for own, i in zip(self.kinds, choice, strict=True)]
        meeting = _meeting(along, self.extents, self.shared, self.numbers)
        if meeting is None:
            return None
        sets = [
            one.fix(**{EXTENT if name == extent else name: n for name, n in meeting.items()})
            for one, extent in zip(along, self.extents, strict=True)
        ]
        sizes = [meeting.get(n, n) if isinstance(n, str) else n for n in self.extents]
        return _example([_first(one) for one in sets], sizes)

    def _first(self, axis: int, kind: int) -> dict[str, int]:
        """The least point of a kind, which choices share."""
        if (axis, kind) not in self._known:
            self._known[axis, kind] = _first(self.kinds[axis][kind])
        return self._known[axis, kind]


def _example(points: Sequence[dict[str, int]], extents: Sequence[str | int]) -> Counterexample:
    """The counterexample of a point along each axis."""
    sizes = tuple(
        n if isinstance(n, int) else p[EXTENT] for n, p in zip(extents, points, strict=True)
    )
    q, k = (_token([p.get(name) for p in points], sizes) for name in ("q", "k"))
    assert q is not None
    return Counterexample(prod(sizes), prod(sizes), q, k, grid=sizes)


def _meeting(
    along: Sequence[IntegerSet],
    extents: Sequence[str | int],
    shared: Sequence[str],
    numbers: Sequence[str],
) -> dict[str, int] | None:
    """Values of what axes share, for which all sets have points: the least extents."""
    allowed: IntegerSet | None = None
    for one, extent in zip(along, extents, strict=True):
        hidden = [
            n for n in one.params if n not in numbers and not (n == EXTENT and extent in shared)
        ]
        bare = one.project(*one.dims).project_params(*hidden)
        names = [EXTENT if name == extent else name for name in (*shared, *numbers)]
        values = bare.as_dims(*names)
        allowed = values if allowed is None else allowed & values
    assert allowed is not None
    if allowed.is_empty():
        return None
    sizes = allowed.project(*allowed.dims[len(shared) :]).first_point() if shared else {}
    rest = allowed.fix(**(sizes or {})).some_point()
    return dict(zip(shared, (sizes or {}).values(), strict=True)) | dict(
        zip(numbers, rest.values(), strict=True)
    )


def _first(points: IntegerSet) -> dict[str, int]:
    """The least point of a set that has one, its extent first."""
    hidden = [name for name in points.params if name != EXTENT]
    open_ = points.project_params(*hidden)
    found = (open_.as_dims(EXTENT) if EXTENT in open_.params else open_).first_point()
    assert found is not None
    return found


def _token(coordinates: Sequence[int | None], sizes: Sequence[int]) -> int | None:
    """The number of a point in row-major order; None for no point."""
    number = 0
    for coordinate, size in zip(coordinates, sizes, strict=True):
        if coordinate is None:
            return None
        number = number * size + coordinate
    return number
