"""Dense definitions of the shipped grids with segments of other tokens.

A token is a point of the grid or (name of its segment, place in it); `KEYS[name](q, k, grid,
**parameters)` says whether `q` sees `k`. `BEFORE` are the segments, all before the grid, in order.
"""

from collections.abc import Callable, Mapping
from typing import Any

Token = tuple[Any, ...]

BEFORE: Mapping[str, tuple[str, ...]] = {
    "grid/clear": ("text",),
    "grid/segments": ("example_text", "example", "text"),
    "grid/reward_forcing": ("sinks",),
    "grid/knot_forcing": ("reference",),
    "grid/atlasvid": ("proxies",),
}


def segment(token: Token) -> str:
    """The segment of a token, empty for a point."""
    return token[0] if isinstance(token[0], str) else ""


def clear(q: Token, k: Token, grid: Token, r: int) -> bool:
    """Text sees all and is seen by all; a point sees the points within the radius."""
    if segment(q) or segment(k):
        return True
    return (q[0] - k[0]) ** 2 + (q[1] - k[1]) ** 2 <= r * r


def segments(q: Token, k: Token, grid: Token) -> bool:
    """VFXMaster: the example is not changed by what is made from it."""
    seen = {
        "": {"", "text", "example", "example_text"},
        "text": {"", "text"},
        "example": {"example", "example_text"},
        "example_text": {"example", "example_text"},
    }
    return segment(k) in seen[segment(q)]


def reward_forcing(q: Token, k: Token, grid: Token, frames: int) -> bool:
    """All see the sinks, which see nothing else."""
    if segment(k):
        return True
    return not segment(q) and 0 <= q[0] - k[0] < frames


def knot_forcing(q: Token, k: Token, grid: Token, chunk: int, frames: int, knot: int) -> bool:
    """Frames of a chunk see the chunk, frames around it, and the reference."""
    if segment(k):
        return True
    if segment(q):
        return False
    first = q[0] - q[0] % chunk
    return k[0] in range(first - frames, first + chunk + knot)


def atlasvid(q: Token, k: Token, grid: Token, frames: int, height: int, width: int) -> bool:
    """Blocks, and proxies that are seen by all."""
    if segment(k):
        return True
    if segment(q):
        return False
    sizes = (frames, height, width)
    return all(a // n == b // n for a, b, n in zip(q, k, sizes, strict=True))


KEYS: Mapping[str, Callable[..., bool]] = {
    "grid/clear": clear,
    "grid/segments": segments,
    "grid/reward_forcing": reward_forcing,
    "grid/knot_forcing": knot_forcing,
    "grid/atlasvid": atlasvid,
}

CASES: Mapping[str, tuple[tuple[tuple[int, ...], dict[str, Any]], ...]] = {
    "grid/clear": (((9, 12), {"r": 4, "text": 7}), ((5, 6), {"r": 2})),
    "grid/segments": (((2, 3, 5), {"example_text": 3, "example": 11, "text": 4}),),
    "grid/reward_forcing": (((5, 3, 4), {"frames": 2, "sinks": 6}),),
    "grid/knot_forcing": (((7, 3, 4), {"chunk": 2, "frames": 2, "knot": 1, "reference": 12}),),
    "grid/atlasvid": (((4, 5, 6), {"frames": 2, "height": 2, "width": 3, "proxies": 8}),),
}


def tokens(name: str, points: list[Token], given: dict[str, Any]) -> list[Token]:
    """All tokens in order; the lengths of the segments are taken out of `given`."""
    lengths = {one: given.pop(one, 0) for one in BEFORE.get(name, ())}
    return [*((one, i) for one, n in lengths.items() for i in range(n)), *points]
