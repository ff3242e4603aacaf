"""Commands on grids: --grid is read in one way, and what is missing is said."""

from collections.abc import Callable

import pytest


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
