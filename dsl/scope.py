"""What a name stands for, and what is known of a value before anything runs."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Literal

from attnc.dsl import syntax as ast
from attnc.dsl.source import NOWHERE, Span
from attnc.dsl.types import BUILTINS, SCORE

Kind = Literal["int", "float", "bool", "set", "unknown"]
Place = Literal["mask", "score", "default"]

KIND_WORDS: dict[Kind, str] = {
    "int": "an int",
    "float": "a float",
    "bool": "a condition",
    "set": "a set",
    "unknown": "unknown",
}


class Level(IntEnum):
    """How much a value varies; an expression varies as much as its most varying part."""

    CONSTANT = 0  # known once the parameters are bound
    HEAD = 1  # one constant per head
    BOUND = 2  # a variable of `exists`: a constant of each case
    VARYING = 3  # positions, lengths, run-time inputs


@dataclass(frozen=True, slots=True)
class Typed:
    """The type and level of an expression. `unknown` after a mistake: it goes with everything."""

    kind: Kind
    level: Level = Level.CONSTANT


UNKNOWN = Typed("unknown")


@dataclass(frozen=True, slots=True)
class Symbol:
    """A declared name. A list has `is_list`, and the kind of its items; an input has `axes`."""

    kind: Kind
    level: Level = Level.CONSTANT
    is_list: bool = False
    axes: tuple[str, ...] | None = None
    span: Span = NOWHERE


@dataclass(slots=True)
class Scope:
    """The names of one mask, attention or default, and those of them that were read."""

    place: Place
    symbols: dict[str, Symbol] = field(default_factory=dict)
    cross: bool = False
    used: set[str] = field(default_factory=set)
    masks: Collection[str] = ()  # names of sets, for a hint
    grid: tuple[str, ...] = ()  # the axes of the grid
    segments: tuple[str, ...] = ()

    def find(self, name: str) -> Symbol | None:
        """What the name stands for; marks it as read."""
        if name in _BUILTIN_SYMBOLS:
            return _BUILTIN_SYMBOLS[name]
        base, _, axis = name.partition(".")
        if axis in self.grid and base in ("q", "k"):
            return Symbol("int", Level.VARYING)
        self.used.add(name)
        return self.symbols.get(name)

    def names(self) -> tuple[str, ...]:
        """All names, for a hint."""
        extra = (SCORE,) if self.place == "score" else ()
        return (*BUILTINS, *extra, *self.symbols)

    def at(self, place: Place) -> "Scope":
        """The same names (and the same record of reads) at another place."""
        return replace(self, place=place)


_CONSTANT_BUILTINS = ("heads", "kv_heads")
_BUILTIN_SYMBOLS = {
    name: Symbol("int", Level.CONSTANT if name in _CONSTANT_BUILTINS else Level.VARYING)
    for name in BUILTINS
}


def parameter_symbol(parameter: ast.Parameter, kind: Kind, level: Level) -> Symbol:
    """The symbol of a parameter whose type, or item type, is `kind`."""
    return Symbol(kind, level, parameter.type == "list", span=parameter.span)


def input_symbol(given: ast.Input) -> Symbol:
    """The symbol of an input."""
    return Symbol(given.dtype, Level.VARYING, axes=given.axes, span=given.span)


def highest(values: Iterable[Typed]) -> Level:
    """The level of what is computed from these."""
    return max((value.level for value in values), default=Level.CONSTANT)
