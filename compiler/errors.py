"""The mistakes that only the reasoning finds: too complex, not affine, or short of a fact."""

from dataclasses import dataclass

from attnc.dsl.errors import AttnError


@dataclass(frozen=True)
class TooComplex(AttnError):
    """The formula grows past a limit (of nodes, of nesting, or of isl operations)."""

    what: str

    def __str__(self) -> str:
        return f"this mask is too complex to analyse: {self.what}"


@dataclass(frozen=True)
class NotAffine(AttnError):
    """A product or a division that no integer set can hold, such as `q * k` or `q div n`."""

    what: str

    def __str__(self) -> str:
        return f"not a formula that can be analysed: {self.what}"


@dataclass(frozen=True)
class HeadsNeeded(AttnError):
    """The mask depends on the head (or on the number of heads), which was not given."""

    name: str = "heads"

    def __str__(self) -> str:
        return f"this mask depends on the head: `{self.name}` must be given"


@dataclass(frozen=True)
class WrongListLength(AttnError):
    """A list indexed by `h` that has not one item per head."""

    length: int
    heads: int

    def __str__(self) -> str:
        return f"a list indexed by h has {self.length} items for {self.heads} heads"
