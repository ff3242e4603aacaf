"""Time over length as a picture, from the rows of a results file."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.results import Row

PATH = Path(__file__).parents[1] / "docs" / "images" / "time_over_length.png"
# Title, section, beginning of the case, what it must end with.
PANELS = (
    ("Causal, forward", "By length", "causal"),
    ("Window of 256, forward", "By length", "window 256"),
    ("Causal, backward", "Backward by length", "causal"),
    ("Window of 256, backward", "Backward by length", "window 256"),
)
COLOURS = {"attnc": "#d1495b", "SDPA": "#30638e", "FlexAttention": "#edae49"}
Series = dict[str, dict[int, float]]


def draw(rows: Sequence[Row], path: Path = PATH) -> None:
    """One panel for each pattern and direction, with what has been measured."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.subplots(2, 2)
    for axis, (title, section, pattern) in zip(axes.flat, PANELS, strict=True):
        _panel(axis, title, series(rows, section, pattern))
    figure.savefig(path, dpi=110, metadata={"Software": None})


def series(rows: Iterable[Row], section: str, pattern: str) -> Series:
    """Median seconds by who computes and the length."""
    ours: dict[int, list[float]] = defaultdict(list)
    found: Series = defaultdict(dict)
    for row in rows:
        if row["section"] == section and row["case"].startswith(pattern) and "ours" in row:
            length = int(row["case"].split("N ")[1].split(",")[0])
            ours[length] += row["ours"]
            found[row["peer"]][length] = median(row["theirs"])
    return {"attnc": {length: median(times) for length, times in ours.items()}} | found


def _panel(axis: Any, title: str, lines: Series) -> None:
    axis.set_title(title)
    if not lines["attnc"]:
        axis.text(0.5, 0.5, "not measured", ha="center", transform=axis.transAxes)
        axis.set_axis_off()
        return
    for name, points in lines.items():
        lengths = sorted(points)
        times = [points[length] for length in lengths]
        axis.plot(lengths, times, "o-", color=COLOURS[name], label=name)
    ticks = sorted({length for points in lines.values() for length in points})
    axis.set(xscale="log", yscale="log", xlabel="N", ylabel="seconds")
    axis.set_xticks(ticks, [f"{n // 1024}k" for n in ticks], minor=False)
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend()
