"""Spaces, and the piecewise affine functions over them from which sets are built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import islpy as isl

from attnc.compiler.sets.context import checked, integer
from attnc.compiler.sets.points import IntegerSet, parse

_DIM = isl.dim_type

_COMPARE: Mapping[str, str] = {
    "<": "lt_set",
    "<=": "le_set",
    ">": "gt_set",
    ">=": "ge_set",
    "==": "eq_set",
    "!=": "ne_set",
}


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """A piecewise affine function of a space's dimensions and parameters."""

    raw: Any

    def __add__(self, other: "Affine") -> "Affine":
        return Affine(checked(self.raw.add(other.raw)))

    def __sub__(self, other: "Affine") -> "Affine":
        return Affine(checked(self.raw.sub(other.raw)))

    def __neg__(self) -> "Affine":
        return Affine(checked(self.raw.neg()))

    def scale(self, factor: int) -> "Affine":
        """The function times a constant."""
        return Affine(checked(self.raw.scale_val(integer(factor))))

    def div(self, divisor: int) -> "Affine":
        """The floor of the function divided by a constant other than 0."""
        if divisor < 0:
            return (-self).div(-divisor)
        return Affine(checked(self.raw.scale_down_val(integer(divisor)).floor()))

    def mod(self, divisor: int) -> "Affine":
        """The remainder of `div`, of the divisor's sign."""
        return self - self.div(divisor).scale(divisor)

    def minimum(self, other: "Affine") -> "Affine":
        """The smaller of two functions."""
        return Affine(checked(self.raw.min(other.raw).coalesce()))

    def maximum(self, other: "Affine") -> "Affine":
        """The larger of two functions."""
        return Affine(checked(self.raw.max(other.raw).coalesce()))

    def compare(self, op: str, other: "Affine") -> IntegerSet:
        """The points at which `self op other` holds."""
        return IntegerSet(checked(getattr(self.raw, _COMPARE[op])(other.raw)))


@dataclass(frozen=True, slots=True)
class Space:
    """Named dimensions and parameters, and the functions and sets over them."""

    dims: tuple[str, ...]
    params: tuple[str, ...]

    def parse(self, condition: str) -> IntegerSet:
        """The points that satisfy a condition in isl's notation."""
        return parse(f"[{', '.join(self.params)}] -> {{ [{', '.join(self.dims)}] : {condition} }}")

    def everything(self) -> IntegerSet:
        """All points."""
        return self.parse("true")

    def nothing(self) -> IntegerSet:
        """No points."""
        return self.parse("false")

    def constant(self, value: int) -> Affine:
        """A constant function."""
        domain = self.everything().raw
        return Affine(checked(isl.PwAff.val_on_domain(domain, integer(value))))

    def variable(self, name: str) -> Affine:
        """The function that reads one dimension or parameter."""
        space = isl.LocalSpace.from_space(self.everything().raw.get_space())
        if name in self.dims:
            kind, position = _DIM.set, self.dims.index(name)
        else:
            kind, position = _DIM.param, self.params.index(name)
        return Affine(checked(isl.PwAff.var_on_domain(space, kind, position)))

    def table(self, items: Sequence[int], index: Affine) -> Affine:
        """The function that reads a constant list; undefined where the index is outside it."""
        result = None
        for value in sorted(set(items)):
            places = [i for i, item in enumerate(items) if item == value]
            domain = self.nothing()
            for place in places:
                domain = domain | index.compare("==", self.constant(place))
            part = isl.PwAff.val_on_domain(domain.raw, integer(value))
            result = part if result is None else checked(result.union_add(part))
        return Affine(checked(result))

    def union(self, sets: Sequence[IntegerSet]) -> IntegerSet:
        """The union of any number of sets, as a balanced tree."""
        if not sets:
            return self.nothing()
        level = list(sets)
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            odd = level[-1:] if len(level) % 2 else []
            level = [(a | b).coalesce() for a, b in pairs] + odd
        return level[0]
