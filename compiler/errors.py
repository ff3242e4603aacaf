"""What only the reasoning finds; the rest of what it raises is in `attnc.dsl.errors`."""

from dataclasses import dataclass

from attnc.dsl.failures import StageError


@dataclass(eq=False)
class NotAffine(StageError):
    """A formula that no integer set can hold, such as `q * k` (the checker refuses these)."""

    template = "not a formula that can be analysed: {what}"
    what: str
