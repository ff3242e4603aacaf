"""Mistakes with files: specs that cannot be found or read, and `use`."""

from dataclasses import dataclass
from typing import ClassVar

from attnc.dsl.diagnostics import Diagnostic, closest


@dataclass(frozen=True, slots=True)
class FileTooLarge(Diagnostic):
    """A text beyond the size limit."""

    code: ClassVar[str] = "file-too-large"
    title: ClassVar[str] = "the text has {size} characters; the limit is {limit}"
    size: int
    limit: int


@dataclass(frozen=True, slots=True)
class UnreadableSpec(Diagnostic):
    """The file cannot be opened or is not UTF-8 text."""

    code: ClassVar[str] = "unreadable-spec"
    title: ClassVar[str] = "cannot read `{path}`: {reason}"
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnknownSpec(Diagnostic):
    """No shipped spec has this name."""

    code: ClassVar[str] = "unknown-spec"
    title: ClassVar[str] = "no shipped spec is named `{name}`"
    hints: ClassVar[tuple[str, ...]] = (
        "did you mean `{suggestion}`?",
        "a path ends in `.attn`; source text contains a newline or a brace",
    )
    name: str
    known: tuple[str, ...]

    @property
    def suggestion(self) -> str | None:
        """The known name nearest to this one."""
        return closest(self.name, self.known)


@dataclass(frozen=True, slots=True)
class UseEscapes(Diagnostic):
    """`use` of a path outside the file's own folder."""

    code: ClassVar[str] = "use-escapes"
    title: ClassVar[str] = '`use "{path}"` leaves the folder of this file'
    notes: ClassVar[tuple[str, ...]] = ("a used file must lie in the same folder or below it",)
    path: str


@dataclass(frozen=True, slots=True)
class UseWithoutFolder(Diagnostic):
    """`use` of a path in source text that is no file."""

    code: ClassVar[str] = "use-without-folder"
    title: ClassVar[str] = '`use "{path}"` in a text that has no folder'
    hints: ClassVar[tuple[str, ...]] = ("save the text as a `.attn` file next to the file it uses",)
    path: str


@dataclass(frozen=True, slots=True)
class UseNotFound(Diagnostic):
    """The used file does not exist or cannot be read."""

    code: ClassVar[str] = "use-not-found"
    title: ClassVar[str] = "cannot read `{path}`: {reason}"
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnknownLibrary(Diagnostic):
    """`use NAME` of something other than std."""

    code: ClassVar[str] = "unknown-library"
    title: ClassVar[str] = "unknown library `{name}`"
    label: ClassVar[str] = "the only library is `std`"
    hints: ClassVar[tuple[str, ...]] = ('a file is named in quotes: `use "{name}.attn"`',)
    name: str


@dataclass(frozen=True, slots=True)
class UseCycle(Diagnostic):
    """Files that use each other."""

    code: ClassVar[str] = "use-cycle"
    title: ClassVar[str] = "`{path}` uses itself"
    notes: ClassVar[tuple[str, ...]] = ("the chain is {chain}",)
    path: str
    chain: str


@dataclass(frozen=True, slots=True)
class UseTooDeep(Diagnostic):
    """A chain or a number of used files beyond the limit."""

    code: ClassVar[str] = "use-too-deep"
    title: ClassVar[str] = "more than {limit} files are used"
    limit: int
