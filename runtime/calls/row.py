"""Where one sequence of a call lies."""

from typing import NamedTuple


class Row(NamedTuple):
    """Where one sequence lies: its first rows in q and in k, their positions, and the lengths."""

    q_row: int
    k_row: int
    q_start: int
    k_start: int
    q_len: int
    k_len: int
