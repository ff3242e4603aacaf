"""`IntegerSet`: a set of integer points over named dimensions, with symbolic parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import islpy as isl

from attnc.compiler.sets.context import CONTEXT, checked, guard, integer
from attnc.compiler.sets.pieces import Piece, piece
from attnc.dsl.errors import AnalysisTooComplex

PIECE_LIMIT = 400

_DIM = isl.dim_type


@dataclass(frozen=True, slots=True, eq=False)
class IntegerSet:
    """A set of integer points over named dimensions, with symbolic parameters."""

    raw: Any

    # ------------------------------------------------------------ shape

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the dimensions, in order."""
        return tuple(self.raw.get_dim_name(_DIM.set, i) for i in range(self.raw.dim(_DIM.set)))

    @property
    def params(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(self.raw.get_dim_name(_DIM.param, i) for i in range(self.raw.dim(_DIM.param)))

    @property
    def text(self) -> str:
        """The set in isl's notation; `parse` reads it back."""
        return str(self.raw)

    def map_text(self, inputs: int) -> str:
        """The set as a map's text, its first `inputs` dimensions being the map's input."""
        with guard():
            mapped = checked(isl.Map.from_range(self.raw))
            return str(checked(mapped.move_dims(_DIM.in_, 0, _DIM.out, 0, inputs)))

    # ------------------------------------------------------------ algebra

    def _with(self, raw: Any) -> "IntegerSet":
        result = checked(raw)
        if result.n_basic_set() > PIECE_LIMIT:
            raise AnalysisTooComplex(f"it falls into more than {PIECE_LIMIT} pieces")
        for i, name in enumerate(self.dims):
            if result.get_dim_name(_DIM.set, i) != name:
                result = result.set_dim_name(_DIM.set, i, name)
        return IntegerSet(result)

    def __and__(self, other: "IntegerSet") -> "IntegerSet":
        """The common points; a set without dimensions restricts the parameters."""
        with guard():
            if other.raw.is_params() and not self.raw.is_params():
                return self._with(self.raw.intersect_params(other.raw))
            return self._with(self.raw.intersect(other.raw))

    def __or__(self, other: "IntegerSet") -> "IntegerSet":
        with guard():
            return self._with(self.raw.union(other.raw))

    def __sub__(self, other: "IntegerSet") -> "IntegerSet":
        with guard():
            return self._with(self.raw.subtract(other.raw))

    def coalesce(self) -> "IntegerSet":
        """The same set in fewer pieces, if isl sees how."""
        with guard():
            return self._with(self.raw.coalesce())

    def gist(self, context: "IntegerSet") -> "IntegerSet":
        """A simpler set that agrees with this one inside the (parameter) context."""
        with guard():
            return self._with(self.raw.gist_params(context.raw.params()).coalesce())

    def convex(self) -> "IntegerSet":
        """A convex set around this one."""
        with guard():
            return IntegerSet(checked(checked(self.raw.simple_hull()).to_set()))

    def project(self, *names: str) -> "IntegerSet":
        """The set without these dimensions: points that have some value for them."""
        with guard():
            raw = self.raw
            for name in names:
                raw = checked(raw.project_out(_DIM.set, raw.find_dim_by_name(_DIM.set, name), 1))
            return IntegerSet(raw)

    def project_params(self, *names: str) -> "IntegerSet":
        """The set without these parameters: points that belong to it for some value of them."""
        with guard():
            raw = self.raw
            for name in names:
                position = raw.find_dim_by_name(_DIM.param, name)
                if position >= 0:
                    raw = checked(raw.project_out(_DIM.param, position, 1))
            return self._with(raw)

    def apply(self, mapping: str, *dims: str) -> "IntegerSet":
        """The image under a map given as text; `dims` name the result's dimensions."""
        with guard():
            raw = checked(self.raw.apply(isl.Map(mapping, CONTEXT)).coalesce())
            for i, name in enumerate(dims):
                raw = raw.set_dim_name(_DIM.set, i, name)
            return IntegerSet(raw)

    def compose(self, other: "IntegerSet") -> "IntegerSet":
        """The pairs [a, c] with some b, [a, b] here and [b, c] there: halves of the dimensions."""
        half = len(self.dims) // 2
        with guard():
            first, second = (
                checked(isl.Map.from_range(s.raw)).move_dims(_DIM.in_, 0, _DIM.out, 0, half)
                for s in (self, other)
            )
            pairs = checked(checked(first.apply_range(second)).wrap().flatten()).coalesce()
            raw = checked(checked(pairs).compute_divs().coalesce())
            for i, name in enumerate((*self.dims[:half], *other.dims[half:])):
                raw = raw.set_dim_name(_DIM.set, i, name)
            return IntegerSet(raw)

    def fix(self, **values: int) -> "IntegerSet":
        """The set at these values of parameters or dimensions, which disappear."""
        with guard():
            raw = self.raw
            for name, value in values.items():
                for kind in (_DIM.param, _DIM.set):
                    position = raw.find_dim_by_name(kind, name)
                    if position >= 0:
                        raw = checked(raw.fix_val(kind, position, integer(value)))
                        raw = checked(raw.project_out(kind, position, 1))
            return IntegerSet(raw)

    def as_dims(self, *names: str) -> "IntegerSet":
        """Parameters turned into leading dimensions, in the order given."""
        with guard():
            raw = self.raw
            for target, name in enumerate(names):
                position = raw.find_dim_by_name(_DIM.param, name)
                if position < 0:
                    raw = checked(raw.insert_dims(_DIM.set, target, 1))
                    raw = raw.set_dim_name(_DIM.set, target, name)
                else:
                    raw = checked(raw.move_dims(_DIM.set, target, _DIM.param, position, 1))
            return IntegerSet(raw)

    def as_params(self, *names: str) -> "IntegerSet":
        """Dimensions turned into parameters."""
        with guard():
            raw = self.raw
            for name in names:
                position = raw.find_dim_by_name(_DIM.set, name)
                end = raw.dim(_DIM.param)
                raw = checked(raw.move_dims(_DIM.param, end, _DIM.set, position, 1))
            return IntegerSet(raw)

    # ------------------------------------------------------------ questions

    def is_empty(self) -> bool:
        """Whether no point is in it, for any parameters."""
        with guard():
            return bool(checked(self.raw.is_empty()))

    def is_subset(self, other: "IntegerSet") -> bool:
        """Whether every point is in the other set, for all parameters."""
        with guard():
            return bool(checked(self.raw.is_subset(other.raw)))

    def is_equal(self, other: "IntegerSet") -> bool:
        """Whether both hold the same points, for all parameters."""
        with guard():
            return bool(checked(self.raw.is_equal(other.raw)))

    def first_point(self) -> dict[str, int] | None:
        """The lexicographically least point, or None; no parameters may be left."""
        with guard():
            if checked(self.raw.is_empty()):
                return None
            point = checked(checked(self.raw.lexmin()).sample_point())
            values = [point.get_coordinate_val(_DIM.set, i) for i in range(len(self.dims))]
            return {name: value.to_python() for name, value in zip(self.dims, values, strict=True)}

    def some_point(self) -> dict[str, int]:
        """Some point of a set that has one; no parameters may be left."""
        with guard():
            point = checked(self.raw.sample_point())
            values = [point.get_coordinate_val(_DIM.set, i) for i in range(len(self.dims))]
            return {name: value.to_python() for name, value in zip(self.dims, values, strict=True)}

    def count(self) -> int:
        """The number of points, isl's way (it scans all dimensions but the last)."""
        with guard():
            return int(checked(self.raw.count_val()).to_python())

    def least(self, name: str) -> int | None:
        """The least value of a dimension, None if unbounded below (the set is not empty)."""
        return self._extreme("dim_min_val", name)

    def greatest(self, name: str) -> int | None:
        """The greatest value of a dimension, None if unbounded above (the set is not empty)."""
        return self._extreme("dim_max_val", name)

    def _extreme(self, query: str, name: str) -> int | None:
        with guard():
            value = checked(getattr(self.raw, query)(self.raw.find_dim_by_name(_DIM.set, name)))
            return int(value.to_python()) if value.is_int() else None

    # ------------------------------------------------------------ pieces

    def parts(self) -> "list[IntegerSet]":
        """Disjoint convex parts whose union is the set."""
        with guard():
            disjoint = checked(self.raw.compute_divs().make_disjoint().coalesce())
            if not _disjoint(disjoint.get_basic_sets()):
                disjoint = checked(disjoint.make_disjoint())
            return [self._with(part.to_set()) for part in disjoint.get_basic_sets()]

    def pieces(self) -> list[Piece]:
        """The disjoint convex parts as rows of integers; no parameters may be left."""
        with guard():
            # Coalescing may have left divisions that are only known to exist.
            known = [checked(part.raw.compute_divs()) for part in self.parts()]
            return [piece(basic) for part in known for basic in _apart(part)]


def _apart(part: Any) -> Sequence[Any]:
    """The basic sets of a set, disjoint."""
    found: Sequence[Any] = part.get_basic_sets()
    return found if _disjoint(found) else checked(part.make_disjoint()).get_basic_sets()


def _disjoint(parts: Sequence[Any]) -> bool:
    return all(bool(checked(a.is_disjoint(b))) for i, a in enumerate(parts) for b in parts[i + 1 :])


@lru_cache(maxsize=256)
def parse(text: str) -> IntegerSet:
    """A set from isl's notation; few texts come again and again."""
    with guard():
        return IntegerSet(checked(isl.Set(text, CONTEXT)))


def context(params: Sequence[str], facts: Sequence[str]) -> IntegerSet:
    """A set without dimensions: the facts, in isl's notation, about the parameters."""
    return parse(f"[{', '.join(params)}] -> {{ : {' and '.join(facts) or 'true'} }}")
