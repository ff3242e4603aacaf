"""What only the reasoning finds; the rest of what it raises is in `attnc.dsl.errors`."""

from attnc.dsl.errors import AttnError


class NotAffineError(AttnError):
    """A formula that no integer set can hold, such as `q * k` (the checker refuses these)."""

    def __str__(self) -> str:
        return f"not a formula that can be analysed: {super().__str__()}"
