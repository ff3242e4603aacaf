"""Mistakes in branches, their merge and the `output`."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class MergeForm(Diagnostic):
    """A merge that is neither a sum nor one softmax."""

    code: ClassVar[str] = "merge-form"
    title: ClassVar[str] = "branches cannot be merged like this"
    hints: ClassVar[tuple[str, ...]] = (
        "write `merge softmax`, or `merge sum(gate)` of `input gate: float[b, h, q, branch] grad`",
    )


@dataclass(frozen=True, slots=True)
class MergeMissing(Diagnostic):
    """Branches without a merge, or a merge without branches."""

    code: ClassVar[str] = "merge-missing"
    title: ClassVar[str] = "`{name}` has {has} but no {lacks}"
    hints: ClassVar[tuple[str, ...]] = (
        "write `branch NAME {{ mask ... }}` for each, and `merge softmax` or `merge sum(gate)`",
    )
    name: str
    has: str
    lacks: str


@dataclass(frozen=True, slots=True)
class MergeGate(Diagnostic):
    """A gate that is no float input with one number for each branch."""

    code: ClassVar[str] = "merge-gate"
    title: ClassVar[str] = "`{name}` is no gate of branches"
    hints: ClassVar[tuple[str, ...]] = (
        "declare `input {name}: float[b, h, q, branch] grad`, or with fewer of these axes",
    )
    name: str


@dataclass(frozen=True, slots=True)
class BranchKeysForm(Diagnostic):
    """A memory that branches do not have."""

    code: ClassVar[str] = "branch-keys-form"
    title: ClassVar[str] = "no keys of a branch are written like this"
    hints: ClassVar[tuple[str, ...]] = (
        "write `keys pooled(mean, size = 32, stride = 16)`, or `max`",
        "write `keys memory(ck, cv, size = 32, stride = 16)` for inputs [hkv, unit, d], or both "
        "[h, unit, d]",
        "without `keys` they are the tokens",
    )


@dataclass(frozen=True, slots=True)
class MemoryInput(Diagnostic):
    """Keys or values of a memory that are no input with a row for each key."""

    code: ClassVar[str] = "memory-input"
    title: ClassVar[str] = "`{text}` is no float input of units and columns"
    hints: ClassVar[tuple[str, ...]] = ("declare it: `input ck: float[hkv, unit, d] grad`",)
    text: str


@dataclass(frozen=True, slots=True)
class PoolValue(Diagnostic):
    """A window of pooled keys of no size or no stride."""

    code: ClassVar[str] = "pool-value"
    title: ClassVar[str] = "the {name} of pooled keys is {value}"
    hints: ClassVar[tuple[str, ...]] = ("it must be a positive int",)
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class BranchStatement(Diagnostic):
    """A statement that does not belong where it stands."""

    code: ClassVar[str] = "branch-statement"
    title: ClassVar[str] = "{what} cannot stand {where}"
    hints: ClassVar[tuple[str, ...]] = ("{advice}",)
    what: str
    where: str
    advice: str


@dataclass(frozen=True, slots=True)
class PooledReads(Diagnostic):
    """A formula over pooled keys that reads what only tokens have."""

    code: ClassVar[str] = "pooled-reads"
    title: ClassVar[str] = "pooled keys have no {what}"
    hints: ClassVar[tuple[str, ...]] = (
        "their positions are `k.start` to `k.end`, inclusive, and `k` is their number",
    )
    what: str


@dataclass(frozen=True, slots=True)
class OutputReads(Diagnostic):
    """An `output` that reads what an output does not have."""

    code: ClassVar[str] = "output-reads"
    title: ClassVar[str] = "an `output` cannot read `{name}`"
    hints: ClassVar[tuple[str, ...]] = (
        "it sees `o`, `b`, `h`, `q`, parameters, and inputs of the axes b, h and q",
    )
    name: str
