"""The vocabulary: built-ins, functions, axes, reserved names, and what may stand where."""

from dataclasses import dataclass
from typing import Final

LANGUAGE_VERSION: Final = 1

BUILTINS: Final = ("q", "k", "h", "b", "len", "qlen", "heads", "kv_heads")
SCORE: Final = "s"
"""The scaled dot product, in a score only."""

AXES: Final = ("b", "h", "hkv", "chooser", "unit", "token", "q", "k", "d", "branch")
"""What an input can have, in the order in which it must have them."""

ROUTED: Final = ("chooser", "unit")
"""Axes of inputs that only routes read."""

EPILOGUE_AXES: Final = ("b", "h", "q", "branch")
"""Axes of inputs that a merge or an output reads, in any order."""

OUTPUT: Final = "o"
"""A number of the outputs, in an `output` only."""

SET_AXES: Final = ("b", "h", "hkv", "q")
"""What a set can have one list for each of."""

AXIS_INDEX: Final = {"b": ("b",), "h": ("h",), "hkv": ("h",), "q": ("q",), "k": ("k",)}
"""The name that indexes an axis; `token` takes q or k, `d` any bounded integer."""

RESERVED: Final = frozenset(
    (
        *("spec", "scale", "return_lse", "grid", "q_start", "k_start", "cu_seqlens", "kv_len"),
        *("target", "dtype", "head_dim", "heads", "kv_heads", "layout", "seq", "q_len", "batch"),
        "return_routes",
    )
)
"""Keywords of the public functions: no parameter or input may take them."""

INTERNAL: Final = frozenset(("t", "c", "k_len"))
BOUNDS: Final = ("q_low", "q_high", "k_low", "k_high")
"""What the compiler calls tiles and lengths, and how its names of bounds end: not for inputs."""

NORMALISERS: Final = ("softmax", "softmax1", "sigmoid", "softplus", "linear")
NORMALISERS_BUILT: Final = ("softmax", "softmax1")
ASSERTIONS: Final = {
    "causal": "causal",
    "covers": "covers",
    "bounded_cache": "bounded_cache",
    "density": "density(65536) < 0.05",
    "reaches": "reaches(4)` or `assert reaches(4, 65536)",
    "heads_cover": "heads_cover",
    "same_as": "same_as window(7)",
}
"""Each assertion, and how it is written."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language: how many arguments it takes, and whether a mask may call it."""

    arity: int
    score_only: bool = False
    more: bool = False  # whether any number of arguments may follow


FUNCTIONS: Final = {
    "abs": Function(1),
    "min": Function(2),
    "max": Function(2),
    "clamp": Function(3),
    "chance": Function(2, more=True),
    "draw": Function(2, more=True),
    "exp": Function(1, score_only=True),
    "log": Function(1, score_only=True),
    "log2": Function(1, score_only=True),
    "sqrt": Function(1, score_only=True),
    "tanh": Function(1, score_only=True),
    "sigmoid": Function(1, score_only=True),
    "softcap": Function(2, score_only=True),
    "where": Function(3, score_only=True),
}

MAX_RANGE: Final = 4096
"""Values of an `exists`."""
