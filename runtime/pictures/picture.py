"""The drawing of a mask: pairs coloured by the class of their tile, outlines of the tiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from attnc.dsl.program import Bound
from attnc.runtime.pictures.palette import (
    EMPTY,
    FULL,
    LEGEND,
    MASKED,
    MUTED,
    OUTLINE,
    PARTIAL,
    SKIPPED,
    TESTED,
    TEXT,
    WHOLE,
)

PANEL = 4.6  # inches
DPI = 200


@dataclass(frozen=True, slots=True)
class Panel:
    """One head (None: all alike): its pairs, bool [N, N], and the class of each tile, [Tq, Tk]."""

    head: int | None
    pairs: NDArray[np.bool_]
    tiles: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn; `tile` are the rows and keys of a tile."""

    bound: Bound
    tile: tuple[int, int]
    panels: tuple[Panel, ...]

    @property
    def seq(self) -> int:
        """The number of tokens."""
        return len(self.panels[0].pairs)

    @property
    def density(self) -> float:
        """The share of all pairs that is in the mask, over the heads drawn."""
        return float(np.mean([panel.pairs.mean() for panel in self.panels]))

    def tiles(self, kind: int) -> int:
        """How many tiles of the heads drawn are of a class."""
        return sum(int((panel.tiles == kind).sum()) for panel in self.panels)


def draw(picture: Picture, path: Path) -> None:
    """Write the picture; the suffix of the path says the format."""
    count = len(picture.panels)
    width = PANEL * count + 0.35 * (count - 1) + 0.9
    figure = Figure(figsize=(width, PANEL + 1.7), facecolor="white")
    FigureCanvasAgg(figure)
    height = figure.get_figheight()
    for place, panel in enumerate(picture.panels):
        left = (0.6 + place * (PANEL + 0.35)) / width
        axes = figure.add_axes((left, 0.62 / height, PANEL / width, PANEL / height))
        _panel(axes, panel, picture.tile, first=place == 0)
    words(figure, picture.bound, facts(picture), 0.6 / width, count)
    figure.savefig(path, dpi=DPI)


def _panel(axes: Any, panel: Panel, tile: tuple[int, int], first: bool) -> None:
    seq = panel.pairs.shape[0]
    axes.imshow(colours(panel, tile), extent=(0, seq, seq, 0), interpolation="nearest")
    _grid(axes, seq, tile)
    frame(axes)
    axes.set_xlabel("key", fontsize=8.5, color=MUTED, labelpad=3)
    axes.xaxis.set_label_position("top")
    if panel.head is not None:
        axes.set_xlabel(f"key, head {panel.head}", fontsize=8.5, color=MUTED, labelpad=3)
    if first:
        axes.set_ylabel("query", fontsize=8.5, color=MUTED, labelpad=3)
    else:
        axes.set_yticklabels([])


def frame(axes: Any) -> None:
    """Columns are counted at the top; thin lines, small numbers."""
    axes.xaxis.tick_top()
    axes.tick_params(length=2, width=0.6, labelsize=7.5, colors=MUTED, pad=2)
    for side in axes.spines.values():
        side.set(color=MUTED, linewidth=0.6)


def colours(panel: Panel, tile: tuple[int, int]) -> NDArray[np.float64]:
    """The picture of a panel, [N, N, 3]."""
    seq = panel.pairs.shape[0]
    return coloured(panel.pairs, panel.tiles.repeat(tile[0], 0).repeat(tile[1], 1)[:seq, :seq])


def coloured(pairs: NDArray[np.bool_], kinds: NDArray[np.int8]) -> NDArray[np.float64]:
    """Pairs [rows, columns] in the colours of the classes of their tiles: [rows, columns, 3]."""
    palette = np.array([to_rgb(c) for c in (SKIPPED, MASKED, TESTED, WHOLE)])
    chosen = np.where(kinds == FULL, 3, np.where(kinds == EMPTY, 0, 1 + pairs))
    found: NDArray[np.float64] = palette[chosen]
    return found


def _grid(axes: Any, seq: int, tile: tuple[int, int]) -> None:
    """The borders of the tiles, finer where they are many."""
    for size, draw_line in zip(tile, (axes.axhline, axes.axvline), strict=True):
        thin = 0.5 if seq / size <= 40 else 0.25
        for border in range(size, seq, size):
            draw_line(border, color=OUTLINE, linewidth=thin)


def words(figure: Figure, bound: Bound, said: str, left: float, panels: int) -> None:
    """The spec above, what is said of it below that, and at the bottom what colours mean."""
    values = ", ".join(f"{name} = {value}" for name, value in bound.values.items())
    title = f"{bound.name}({values})" if values else bound.name
    height = figure.get_figheight()
    top = 1 - 0.2 / height
    size, small = 13 * min(1, 45 * panels / len(title)), 8.4 * min(1, 84 * panels / len(said))
    figure.text(left, top, title, fontsize=size, weight="bold", color=TEXT, va="top")
    figure.text(left, top - 0.27 / height, said, fontsize=small, color=MUTED, va="top")
    handles: Sequence[Patch] = [Patch(color=c, label=text) for c, text in LEGEND.items()]
    legend = figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(left - 0.008, 0.02),
        ncols=4 if panels > 1 else 2,
        frameon=False,
        fontsize=8.5,
        labelcolor=TEXT,
        handlelength=1.1,
        handleheight=1.0,
        columnspacing=1.6,
        borderpad=0.1,
    )
    legend.set_zorder(2)


def facts(picture: Picture) -> str:
    """Length, density and tiles in one line."""
    empty, partial, full = (picture.tiles(kind) for kind in (EMPTY, PARTIAL, FULL))
    rows, keys = picture.tile
    return (
        f"N = {picture.seq}, density {picture.density:.1%}; "
        f"tiles of {rows} × {keys}: {empty} empty, {partial} partial, {full} full"
    )
