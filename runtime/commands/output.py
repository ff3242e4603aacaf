"""Printing: JSON for programs, tables and colours for people, progress on stderr."""

import json
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from rich.console import Console
from rich.table import Table

WIDE = 400  # columns where no terminal limits them
VERDICT_STYLES = {"proved": "green", "refuted": "red", "unknown": "yellow"}


def print_json(data: Any) -> None:
    """Print plain data as JSON, the only thing on stdout. Infinities and NaN become null."""
    print(json.dumps(_finite(data), indent=2, default=str, allow_nan=False))


def _finite(data: Any) -> Any:
    match data:
        case float() if not math.isfinite(data):
            return None
        case dict():
            return {name: _finite(value) for name, value in data.items()}
        case list() | tuple():
            return [_finite(value) for value in data]
        case _:
            return data


def console() -> Console:
    """Where results for people go: colours on a terminal only, lines as long as they are else."""
    found = Console(highlight=False, markup=False)
    return found if found.is_terminal else Console(highlight=False, markup=False, width=WIDE)


def progress(text: str) -> AbstractContextManager[Any]:
    """A moving line on stderr while something takes its time; nothing where stderr is a file."""
    return Console(stderr=True).status(text)


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """An empty table; the columns in `numbers` are set flush right."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        made.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return made


def facts(rows: Mapping[str, str]) -> Table:
    """A table of names and what is said of them, without a header."""
    made = table("", "")
    made.show_header = False
    for name, text in rows.items():
        made.add_row(name, text)
    return made


def seconds(value: float) -> str:
    """A time at a readable scale.

    >>> seconds(0.0123), seconds(2.5)
    ('12.3 ms', '2.50 s')
    """
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.1f} ms"
