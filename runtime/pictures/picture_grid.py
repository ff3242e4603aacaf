"""The drawing of a query's neighbourhood on a grid, in planes side by side."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from attnc.runtime.pictures.neighbourhood import Neighbourhood, Plane, neighbourhood
from attnc.runtime.pictures.palette import MUTED, OUTLINE, TEXT
from attnc.runtime.pictures.picture import DPI, PANEL, coloured, frame, words

GAP, MARGIN, AROUND = 0.35, 0.6, 1.7  # inches


def plot_grid(
    spec: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    grid: tuple[int, ...] | None = None,
    query: Sequence[int] | None = None,
    heads: int | None = None,
    head: int | None = None,
    **parameters: Any,
) -> Neighbourhood:
    """Draw what a query of a grid sees into a PNG, SVG or PDF file.

    The arguments are those of `neighbourhood`. Raises `AttnError`.
    """
    found = neighbourhood(spec, grid, query, heads, head, **parameters)
    rows, columns = found.planes[0].keys.shape
    count, tall = len(found.planes), PANEL * min(max(rows / columns, 0.12), 2.0)
    width = PANEL * count + GAP * (count - 1) + 0.9
    figure = Figure(figsize=(width, tall + AROUND), facecolor="white")
    FigureCanvasAgg(figure)
    for place, plane in enumerate(found.planes):
        left = (MARGIN + place * (PANEL + GAP)) / width
        height = figure.get_figheight()
        axes = figure.add_axes((left, 0.62 / height, PANEL / width, tall / height))
        _plane(axes, plane, found)
    words(figure, found.bound, facts(found), MARGIN / width, count)
    figure.savefig(Path(path), dpi=DPI)
    return found


def _plane(axes: Any, plane: Plane, found: Neighbourhood) -> None:
    """Keys in the colours of their tiles, borders of points, the query and its tile."""
    rows, columns = plane.keys.shape
    image = coloured(plane.keys, plane.kinds)
    axes.imshow(image, extent=(0, columns, rows, 0), interpolation="nearest", aspect="auto")
    if max(rows, columns) <= 64:
        for draw_line, size in ((axes.axhline, rows), (axes.axvline, columns)):
            for border in range(1, size):
                draw_line(border, color=OUTLINE, linewidth=0.4)
    own = [(x + 0.5, y + 0.5) for y in range(rows) for x in range(columns) if plane.owned[y, x]]
    if own:
        axes.plot(*zip(*own, strict=True), ".", color=MUTED, markersize=3)
        if len(found.grid) < 3 or f"= {found.query[0]}" in plane.title:
            y, x = (0, *found.query)[-2:]
            axes.plot(x + 0.5, y + 0.5, "x", color=TEXT, markersize=6)
    frame(axes)
    across = found.bound.grid[-1][0]
    axes.set_xlabel(f"{across}, {plane.title}" if plane.title else across, color=MUTED)
    axes.xaxis.set_label_position("top")


def facts(found: Neighbourhood) -> str:
    """The grid, the query and what it sees, in one line."""
    extents = " × ".join(map(str, found.grid))
    point = found.query if len(found.query) > 1 else found.query[0]
    words = [f"{n} of {name}" for name, n in found.beside.items()]
    beside = f", {', '.join(words)} among them" if words else ""
    return f"grid {extents}, query {point} (×) sees {found.keys} keys{beside}; {found.tiles} (•)"
