"""The page in a headless browser: what it shows, and that it needs no network."""

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
import torch
from matplotlib.image import imread

from attnc.runtime.oracle import mask
from attnc.runtime.view.page import view

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000")

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason=f"no browser: none of {', '.join(BROWSERS)} is installed"
)


def browse(page: Path, folder: Path, *arguments: str, fragment: str = "") -> str:
    """What the browser printed for a page, with a profile of its own."""
    profile = f"--user-data-dir={folder / 'profile'}"
    address = f"{page.as_uri()}#{fragment}"
    command = [str(BROWSER), *FLAGS, profile, *arguments, address]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def shown(dom: str, name: str) -> str:
    """The text of the element with an id."""
    found = re.search(rf'id="{name}"[^>]*>(.*?)</(?:dd|p|ul|h1|pre)>', dom, re.DOTALL)
    assert found is not None, name
    return unescape(re.sub("<[^>]*>", "", found[1]))


def density(*given: object, **keywords: object) -> str:
    return f"{100 * mask(*given, **keywords).double().mean():.3f}%"  # type: ignore[arg-type]


def test_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    view("line/longformer", page, w=24, g=8)
    assert not re.search(r"(?:src|href)\s*=|https?:|@import|\burl\(", page.read_text())
    dom = browse(page, tmp_path, "--dump-dom")
    assert shown(dom, "title") == "longformer(w = 24, g = 8)"
    assert "attention longformer(w = 256" in shown(dom, "source")
    assert shown(dom, "density") == density("line/longformer", seq=256, w=24, g=8)
    assert "w = 24, g = 8." in shown(dom, "proved-for") and "proved" in shown(dom, "proofs")
    assert shown(dom, "error") == "" and 'class="proved"' in dom


def test_sliders(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    view("line/longformer", page, w=24, g=8)
    dom = browse(page, tmp_path, "--dump-dom", fragment="w=40&g=8&seq=100&query=3")
    assert shown(dom, "density") == density("line/longformer", seq=100, w=40, g=8)
    assert "w moved: not proved" in shown(dom, "proved-for") and "stale" in dom
    assert shown(dom, "here") == "query 3 sees 100 keys: 0 to 99"
    dom = browse(page, tmp_path, "--dump-dom", fragment="seq=5000")
    assert "5000 tokens: this page shows 1 to 1024" in shown(dom, "error")


def test_heads_and_grids(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    view("line/s2_attention", page, w=8, block=8, heads=4, seq=128)
    dom = browse(page, tmp_path, "--dump-dom", fragment="head=3")
    given = {"seq": 128, "w": 8, "block": 8, "heads": 4}
    assert shown(dom, "all-heads") == f"density {density('line/s2_attention', **given)}"
    third = mask("line/s2_attention", **given)[3].double().mean()
    assert shown(dom, "density") == f"{100 * third:.3f}%"
    view("grid/natten2d", page, grid=(9, 14), kernel_x=5)
    dom = browse(page, tmp_path, "--dump-dom", fragment="query=17")
    assert shown(dom, "density") == density("grid/natten2d", grid=(9, 14), kernel_x=5)
    assert shown(dom, "here") == "query 17 (y 1, x 3) sees 35 keys"


def test_tokens_beside_a_grid(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    view("grid/clear", page, grid=(6, 9), r=2, text=5)
    dom = browse(page, tmp_path, "--dump-dom", fragment="text=7&query=7")
    assert shown(dom, "density") == density("grid/clear", grid=(6, 9), r=2, text=7)
    assert shown(dom, "here") == "query 7 (y 0, x 0) sees 13 keys"
    dom = browse(page, tmp_path, "--dump-dom", fragment="query=4")
    assert shown(dom, "here") == "query 4 (text 4) sees 59 keys"


def test_lists(tmp_path: Path) -> None:
    page, lists = tmp_path / "page.html", torch.randint(-1, 90, (90, 4))
    view("input/gather", page, seq=90, nbr=lists)
    dom = browse(page, tmp_path, "--dump-dom")
    assert shown(dom, "density") == density("input/gather", seq=90, nbr=lists)
    dom = browse(page, tmp_path, "--dump-dom", fragment="seq=91")
    assert "there is no list nbr[90] among [90]" in shown(dom, "error")


def test_layers_of_a_stack(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    view("grid/dinat_stack", page, grid=(9, 14), kernel=3, dilation=2)
    for layer, dilation in ((0, 1), (5, 2)):
        dom = browse(page, tmp_path, "--dump-dom", fragment=f"layer={layer}")
        given = {"kernel_y": 3, "kernel_x": 3, "dilation_y": dilation, "dilation_x": dilation}
        assert shown(dom, "density") == density("grid/natten2d", grid=(9, 14), **given)
        assert "covers proved" in shown(dom, "proofs")
        assert shown(dom, "layers") == ("1, 3, 5, 7" if layer % 2 else "0, 2, 4, 6")


def test_screenshot(tmp_path: Path) -> None:
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    view("line/streaming_llm", page, w=32)
    browse(page, tmp_path, f"--screenshot={picture}", "--window-size=1200,1000")
    image = imread(picture)[..., :3]
    assert image.shape[:2] == (1000, 1200)
    for colour in ("eef1f4", "f9dfb5", "e07b1a", "23618e"):
        wanted = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        assert (abs(image - wanted).max(-1) < 0.01).sum() > 500, colour
