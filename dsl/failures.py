"""What the stages behind the front end can tell a user: one exception class per kind of failure.

Each takes its facts as fields, `raise ShapeMismatch("doc", "[Nk]", (3, 4))`, and makes its message.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from attnc.dsl.diagnostics import AttnError, closest, fill, listing

CALL_KEYWORDS = ("scale", "return_lse", "grid", "q_start", "k_start", "cu_seqlens", "kv_len")


def place(token: int, grid: tuple[int, ...]) -> int | tuple[int, ...]:
    """A token as its position, or as its point on a grid.

    >>> place(7, ()), place(7, (2, 5))
    (7, (1, 2))
    """
    point: tuple[int, ...] = ()
    for extent in reversed(grid):
        token, coordinate = divmod(token, extent)
        point = (coordinate, *point)
    return point if grid else token


@dataclass(eq=False)
class Failure(AttnError):  # noqa: N818
    """A message made of a template and of the facts that the fields hold."""

    template: ClassVar[str]
    notes: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        notes = (fill(note, self) for note in self.notes)
        said = fill(self.template, self, required=True)
        return "; ".join(filter(None, [said, *notes]))

    def __reduce__(self) -> tuple[object, ...]:
        names = self.__dataclass_fields__
        return type(self), tuple(getattr(self, name) for name in names)


@dataclass(eq=False)
class ShapeMismatch(Failure):
    """A tensor of another shape than the operator needs."""

    template = "`{name}` has shape {found}, expected {expected}"
    name: str
    expected: str
    found: tuple[int, ...]


@dataclass(eq=False)
class DtypeMismatch(Failure):
    """A tensor of another dtype than the operator was compiled for, or than an input declares."""

    template = "`{name}` has dtype {found}, expected {expected}"
    name: str
    expected: str
    found: str


@dataclass(eq=False)
class InvalidValue(Failure):
    """An argument of the right kind whose value the operator cannot take."""

    template = "`{name}` is {found}, expected {expected}"
    name: str
    expected: str
    found: str


@dataclass(eq=False)
class InvalidGrid(InvalidValue):
    """Extents that are none of the spec's grid."""


@dataclass(eq=False)
class GridMissing(Failure):
    """A spec on a grid whose extents neither it nor the call gives."""

    template = "`grid` is missing, expected the extents {axes}, row-major"
    axes: str


@dataclass(eq=False)
class MissingInput(Failure):
    """An input of the spec that the call did not pass."""

    template = "input `{name}` is missing: pass it as a keyword"
    name: str


@dataclass(eq=False)
class UnknownArgument(Failure):
    """A keyword of the call that is no input of the spec."""

    template = "unknown argument `{name}`"
    notes = ("{inputs}", "did you mean `{suggestion}`?")
    name: str
    known: tuple[str, ...] = ()

    @property
    def suggestion(self) -> str | None:
        """The input or keyword of every call that was probably meant."""
        return closest(self.name, (*self.known, *CALL_KEYWORDS))

    @property
    def inputs(self) -> str:
        """All names that the spec declares, for the note."""
        known = listing(self.known, "and")
        return f"the inputs are {known}" if known else "the spec has no inputs"


@dataclass(eq=False)
class HeadsMissing(Failure):
    """The spec depends on the head count, and none was given."""

    template = "the spec depends on the head: pass `{name}`"
    name: str = "heads"


@dataclass(eq=False)
class HeadCountMismatch(Failure):
    """A list parameter that has not one item per head."""

    template = "the list `{name}` has {length} items for {heads} heads"
    name: str
    length: int
    heads: int


@dataclass(eq=False)
class AssertionRefuted(Failure):
    """An assertion that does not hold, with a length and a pair that show it."""

    template = "{said}"
    notes = ("{reason}",)
    assertion: str
    n: int | None = None
    q: int | None = None
    k: int | None = None
    reason: str = ""
    grid: tuple[int, ...] = ()

    @property
    def said(self) -> str:
        """The assertion, with the counterexample where there is one; on a grid, its points."""
        q, k = (None if x is None else place(x, self.grid) for x in (self.q, self.k))
        size: dict[str, object] = {"grid": self.grid} if self.grid else {"N": self.n}
        known = size | {"q": q, "k": k}
        shown = ", ".join(f"{name} = {x}" for name, x in known.items() if x is not None)
        return f"assertion `{self.assertion}` does not hold" + (f": at {shown}" if shown else "")


@dataclass(eq=False)
class AssertionUnknown(Failure):
    """An assertion that could be neither proved nor refuted."""

    template = "assertion `{assertion}` could not be decided: {reason}"
    assertion: str
    reason: str


@dataclass(eq=False)
class AnalysisTooComplex(Failure):
    """The analysis met its limit on work or size."""

    template = "this spec is too complex to analyse: {what}"
    notes = ("the limit is {limit}",)
    what: str
    limit: int | None = None


@dataclass(eq=False)
class NotBuiltForTarget(Failure):
    """A feature that a target lacks; nothing is replaced silently."""

    template = "{feature} is not built for target `{target}`"
    notes = ("built are {built}", "targets that have it: {others}")
    feature: str
    target: str
    targets: tuple[str, ...] = field(default=())
    built: str = ""

    @property
    def others(self) -> str:
        """The targets that have the feature, for the note."""
        return listing(self.targets, "and")


@dataclass(eq=False)
class NothingFits(Failure):
    """No tile of a kernel keeps within a target's limits."""

    template = "no tile of `{name}` fits `{target}`"
    notes = ("{limits}", "a smaller head dimension or 16-bit tensors take less")
    name: str
    target: str
    limits: str


@dataclass(eq=False)
class NeedsGpu(Failure):
    """A kernel for a GPU that this machine does not have."""

    template = "kernels for `{target}` run on that GPU only, and {found}"
    notes = (
        "`attnc compile SPEC --target {target} -o DIR` builds them on any machine",
        "target `cpu` runs here",
    )
    target: str
    found: str


@dataclass(eq=False)
class PackageMissing(Failure):
    """A package that only some commands need."""

    template = "{feature} needs {package}, which is not installed: pip install 'attnc[{extra}]'"
    feature: str
    package: str
    extra: str


@dataclass(eq=False)
class GradientNotDeclared(Failure):
    """An input that requires a gradient, which the spec does not say that it has."""

    template = "`{name}` requires a gradient, but the spec declares none for it"
    notes = ("write `input {name}: {declaration} grad`, or pass `{name}.detach()`",)
    name: str
    declaration: str


@dataclass(eq=False)
class InvalidArtifact(Failure):
    """A folder that is no artifact, or one that was changed or made by another version."""

    template = "cannot load the artifact `{path}`: {reason}"
    path: str
    reason: str


@dataclass(eq=False)
class NotInArtifact(Failure):
    """A call whose kernel an artifact does not hold; none is compiled where it is loaded."""

    template = "the artifact `{path}` holds no {kernel}"
    notes = ("compile the spec again {way}: `attnc compile SPEC -o DIR`",)
    path: str
    kernel: str
    way: str


@dataclass(eq=False)
class SeveralMasks(Failure):
    """A question about the one mask of a spec that has branches."""

    template = (
        "`{name}` has branches, each with a mask of its own: ask about a spec that has one of them "
        "as its mask; `attnc verify`, `attnc check` and `attnc.compile` take all branches"
    )
    name: str


@dataclass(eq=False)
class SegmentsApart(Failure):
    """A question about one formula for all tokens of a spec with segments."""

    template = (
        "`{name}` has segments: its mask is a formula for each pair of parts of the tokens, and "
        "this takes one of all; `attnc check`, `verify`, `analyze`, `plot`, `attnc.compile`, "
        "`attnc.mask`, `attnc.reference` and `attnc.flex` take such specs"
    )
    name: str
