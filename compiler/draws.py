"""Numbers drawn by counting: a hash of a seed and of places, the same wherever it is computed.

The hash is MurmurHash3 (x86, 32 bits; Austin Appleby, 2011) of the places as 32-bit words. Nothing
has a state, so forward, backward, every backend and every order of execution draw the same.
"""

from typing import Any, Final

CHANCES: Final = 1 << 30  # `chance(p, ...)` is `draw(CHANCES, ...) < p * CHANCES`
WORD: Final = (1 << 32) - 1
FIRST: Final = 0xCC9E2D51
SECOND: Final = 0x1B873593
STEP: Final = 0xE6546B64
FINAL: Final = (0x85EBCA6B, 0xC2B2AE35)
FINAL_SHIFTS: Final = (16, 13, 16)


def draw(n: Any, seed: Any, *places: Any) -> Any:
    """A number from 0 to n - 1, on integers or on tensors of them: the hash modulo `n`.

    The n numbers are equally likely up to n / 2^32. Where `n` is not positive it is 0.
    """
    found = _word(seed)
    for place in places:
        word = _times(_turned(_times(_word(place), FIRST), 15), SECOND)
        found = (_turned(found ^ word, 13) * 5 + STEP) & WORD
    found = found ^ (4 * len(places))
    found = _times(found ^ (found >> FINAL_SHIFTS[0]), FINAL[0])
    found = _times(found ^ (found >> FINAL_SHIFTS[1]), FINAL[1])
    return (found ^ (found >> FINAL_SHIFTS[2])) % _positive(n)


def _word(place: Any) -> Any:
    return (place if isinstance(place, int) else place.long()) & WORD


def _times(word: Any, factor: int) -> Any:
    """The product modulo 2^32, in parts that stay within 64 bits."""
    return (word * (factor & 0xFFFF) + ((word * (factor >> 16) & 0xFFFF) << 16)) & WORD


def _turned(word: Any, bits: int) -> Any:
    return (word << bits | word >> 32 - bits) & WORD


def _positive(n: Any) -> Any:
    return max(n, 1) if isinstance(n, int) else n.clamp(min=1)
