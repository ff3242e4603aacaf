"""Checks on plain arguments, for the public functions and the oracle alike."""

from attnc.dsl.errors import InvalidValue


def check_counts(least: int = 1, /, **given: object) -> None:
    """Refuse what is given and no int of at least `least`, by name."""
    for name, value in given.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            expected = f"an int, {least} or more"
            raise InvalidValue(name, expected, f"{value!r:.60}")


def check_heads(heads: int | None, kv_heads: int | None) -> None:
    """Refuse head counts that are no counts, or of which one does not divide the other."""
    check_counts(heads=heads, kv_heads=kv_heads)
    if heads is not None and kv_heads is not None and heads % kv_heads:
        raise InvalidValue("kv_heads", f"a number that divides the {heads} heads", f"{kv_heads}")
