"""Commands on grids: --grid is read in one way, and what is missing is said."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import attnc as package


def test_analyze(attnc: Callable) -> None:
    found = attnc("analyze", "grid/natten3d", "--grid", "16,32,32")
    assert found.status == 0
    for words in (
        "16384 keys on a grid of 16 x 32 x 32",
        "6,635,520 of 268,435,456, density 2.4719%",
        "boxes of ",
        "after 1, 2, ... the last token depends on 405, 1,183",
        "speed-up",
        "chosen",
    ):
        assert words in found.out
    data = attnc("analyze", "grid/natten3d", "--grid", "16x32x32", "--json").json
    assert data["grid"] == [16, 32, 32] and data["useful"] == 6635520
    chosen, *others = data["choices"]
    assert chosen["chosen"] and chosen["visited"] == data["visited"]
    assert others and not any(one["chosen"] for one in others)
    assert chosen["speedup"] == 16384**2 / data["visited"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("grid/swin",), "is on a grid: pass its extents (Y, X) as --grid"),
        (("grid/swin", "--grid", "7"), "a positive extent for each of (Y, X)"),
        (("grid/swin", "--grid", "7,7", "--seq", "49"), "leave --seq out"),
        (("grid/swin", "--grid", "7,0"), "1 to 2147483647"),
        (("grid/swin", "--grid", "7;7"), "no positive number"),
        (("line/causal", "--grid", "7,7"), "the spec declares no grid: leave --grid out"),
        (("grid/hidiffusion", "--grid", "7,7"), "pass it with -p shift="),
    ],
)
def test_analyze_refuses(attnc: Callable, arguments: tuple[str, ...], reason: str) -> None:
    sizes = ("--seq", "49") if arguments[0] == "line/causal" else ()
    found = attnc("analyze", *arguments, *sizes)
    assert found.status == 2 and reason in found.err


TINY = ("--head-dim", 8, "--heads", 2, "--kv-heads", 1)
SMALL = ("grid/natten2d", "-p", "kernel_y=3", "-p", "kernel_x=3", "--grid", "7,9")


def test_verify(attnc: Callable) -> None:
    found = attnc("verify", *SMALL, *TINY, "--json")
    assert found.status == 0 and found.json["ok"]
    first, *others = found.json["trials"]
    assert first["trial"]["grid"] == [7, 9] and len(others) == 6
    assert {"one point", "views", "last axis"} < {one["trial"]["name"] for one in others}
    found = attnc("verify", *SMALL[:-1], "3,3", *TINY)
    assert found.status == 0 and "kernel_x = 3 is not shorter than --grid 3" in found.out


def test_check(attnc: Callable) -> None:
    assert "proved" in attnc("check", "grid/natten3d").out
    text = "grid y: H, x: W\nattention a {\n mask same on y | same on x\n assert causal\n}"
    found = attnc("check", text)
    assert found.status == 1
    assert "at grid (1, 2), q = (0, 0) sees k = (0, 1)" in found.out
    assert "mask same on y | same on x" in found.out and "this holds the pair" in found.out
    (proof,) = attnc("check", text, "--json").json["proofs"]
    assert proof["counterexample"]["grid"] == [1, 2] and proof["rules"] == ["same on y"]


def test_emit(attnc: Callable) -> None:
    """With --grid for these extents alone, for which the best box may be another one."""
    arguments = ("emit", "grid/natten3d", "--after", "choose-tiles")
    every, one = attnc(*arguments).out, attnc(*arguments, "--grid", "16,32,32").out
    assert 'axis<"t", "T"' in every and 'axis<"t", "16"' in one
    assert 'covers" is "proved' in one
    found = attnc(*arguments, "--grid", "16,32")
    assert found.status == 2 and "a positive extent for each of (T, Y, X)" in found.err
    assert "leave --grid out" in attnc("emit", "line/causal", "--grid", "3,3").err


def test_bench(attnc: Callable) -> None:
    found = attnc("bench", *SMALL, *TINY, "--turns", 2, "--json")
    assert found.status == 0 and found.json["grid"] == [7, 9] and found.json["seq"] == 63
    (sdpa,) = found.json["comparisons"]
    assert sdpa["difference"] < 1e-5 and sdpa["attnc_seconds"] > 0


@pytest.mark.parametrize("command", ["bench", "plot", "verify"])
def test_what_every_command_says(attnc: Callable, command: str, tmp_path: Path) -> None:
    more = ("-o", tmp_path / "x.png") if command == "plot" else ()
    for arguments, reason in (
        (("line/causal", "--grid", "7,7"), "the spec declares no grid"),
        (("grid/swin", "--grid", "7,7", "--seq", "49"), "leave --seq out"),
        (("grid/swin", "--grid", "7"), "a positive extent for each of (Y, X)"),
        (("grid/swin",), "pass its extents (Y, X) as --grid"),
    ):
        if command == "verify" and len(arguments) == 1:
            continue  # it has small grids of its own
        found = attnc(command, *arguments, *more)
        assert found.status == 2 and reason in found.err


def test_plot(attnc: Callable, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "near.png"
    found = attnc("plot", *SMALL, "--query", "0,8", "-o", path, "--json")
    assert found.status == 0 and path.read_bytes().startswith(b"\x89PNG")
    assert found.json == {"file": str(path), "grid": [7, 9], "query": [0, 8], "keys": 9}
    for wrong in ("7,0", "1", "1,2,3"):
        found = attnc("plot", *SMALL, "--query", wrong, "-o", path)
        assert found.status == 2 and "is no point of the grid" in found.err
    assert attnc("plot", "grid/swin", "--grid", "90,90", "-o", path).status == 2
    assert "leave it out" in attnc("plot", "line/causal", "--query", "3", "-o", path).err


@pytest.mark.parametrize(
    ("name", "grid", "query", "given"),
    [
        ("grid/natten2d", (11, 19), (3, 4), {"dilation_x": 2, "kernel_y": 5}),
        ("grid/natten3d", (6, 7, 9), (5, 0, 8), {"kernel_t": 3, "kernel_y": 3, "kernel_x": 5}),
        ("grid/axial", (9, 20), (4, 7), {}),
        ("grid/natten1d", (90,), (80,), {}),
    ],
)
def test_plotted_tiles_are_those_of_the_mask(
    name: str, grid: tuple[int, ...], query: tuple[int, ...], given: dict[str, int]
) -> None:
    """Keys that are seen are in visited tiles; the queries of a tile see all keys of full ones."""
    from attnc.runtime.pictures.neighbourhood import neighbourhood
    from attnc.runtime.pictures.palette import EMPTY, FULL

    found = neighbourhood(name, grid, query, **given)
    pairs = package.mask(name, grid=grid, **given)[0].numpy().reshape(*grid, *grid)
    assert found.keys == pairs[query].sum()
    first = int(found.planes[0].title.split("= ")[1]) if len(grid) == 3 else None
    for number, plane in enumerate(found.planes):
        plane_of = (slice(None),) if first is None else (first + number,)
        seen = np.atleast_2d(pairs[query][plane_of])
        assert (plane.keys == seen).all() and (plane.kinds[seen] != EMPTY).all()
    if first is None:
        box = pairs[found.planes[0].owned.reshape(grid)]
        kinds = found.planes[0].kinds.reshape(grid)
        assert (kinds != EMPTY)[box.any(0)].all() and box.all(0)[kinds == FULL].all()


def test_plot_of_a_grid_with_segments(attnc: Callable, tmp_path: Path) -> None:
    """The points that a point sees are drawn, the tokens of segments counted."""
    pytest.importorskip("matplotlib")
    from attnc.runtime.pictures.neighbourhood import PlotError, neighbourhood
    from attnc.runtime.pictures.palette import EMPTY, FULL

    found = neighbourhood("grid/clear", (9, 10), (2, 7), r=2, text=5)
    pairs = package.mask("grid/clear", grid=(9, 10), r=2, text=5)[0, 5:].numpy()
    row, (plane,) = pairs[2 * 10 + 7], found.planes
    assert found.keys == row.sum() and found.beside == {"text": 5}
    assert (plane.keys == row[5:].reshape(9, 10)).all()
    box = pairs[plane.owned.ravel(), 5:].reshape(-1, 9, 10)
    assert (plane.kinds != EMPTY)[box.any(0)].all() and box.all(0)[plane.kinds == FULL].all()
    path = tmp_path / "near.png"
    arguments = ("-p", "r=2", "--grid", "9,10", "-p", "text=5", "--json")
    assert attnc("plot", "grid/clear", *arguments, "-o", path).json["keys"] == 13 + 5
    apart = "grid x: X segment a: L before attention s { mask { q in a or k in a } }"
    with pytest.raises(PlotError, match="no point of the grid sees another"):
        neighbourhood(apart, (4,))


def test_min_stride(attnc: Callable) -> None:
    arguments = (
        "analyze",
        "grid/gna",
        "-p",
        "kernel_x=64",
        "-p",
        "kernel_y=1",
        "-p",
        "stride_y=1",
        "--grid",
        "1,512",
        "--tile",
        "1,8x1,8",
    )
    found = attnc(*arguments, "--min-stride")
    assert found.status == 0 and "16: every tile visited is full along x" in found.out
    assert "at every extent that 8 and 8 divide" in found.out
    _, row = attnc(*arguments, "--min-stride", "--json").json["min_strides"]
    assert (row["stride"], row["always"], row["axis"]) == (16, True, "x")
    for options, reason in (
        (("line/causal", "--seq", "64", "--min-stride"), "begins with `stride`"),
        (("line/mistral", "--seq", "64", "--min-stride", "w"), "is of a grid"),
        (("grid/swin", "--grid", "64,64", "--min-stride"), "begins with `stride` among size"),
        (("grid/gna", "--grid", "64,64", "--min-stride", "--tile", "8"), "one for each axis"),
        (("grid/gna", "--grid", "64,64", "--tile", "8,8x1,8"), "--tile is for --min-stride"),
        (("grid/gna", "--grid", "64,64", "--min-stride", "size"), "has no parameter `size`"),
    ):
        found = attnc("analyze", *options)
        assert found.status == 2 and reason in found.err
