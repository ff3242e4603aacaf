"""`equal`, `fmt`, `list`, `cache`, and the stages of `emit` that need no build."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from attnc.dsl.loader import all_shipped

SETS = "attention a { input near: set[q]\n mask { k in near[q] } }"
UGLY, PRETTY = (
    "attention  a{mask causal&window( 4 )}",
    "attention a {\n    mask causal & window(4)\n}\n",
)


def test_equal(attnc: Callable) -> None:
    same = ("equal", "line/mistral", "line/streaming_llm", "-p", "w=12", "--pb", "sinks=0")
    assert attnc(*same).status == 0
    assert attnc(*same, "--json").json["equal"] is True


def test_equal_shows_where_they_differ(attnc: Callable) -> None:
    found = attnc("equal", "line/mistral", "line/streaming_llm", "-p", "w=12")
    assert found.status == 1 and "q = 12, k = 0" in found.out
    data = attnc("equal", "line/causal", "attention a { mask { k < q } }", "--json").json
    assert data["verdict"] == "refuted" and data["counterexample"]["k"] == 0


def test_equal_on_grids(attnc: Callable) -> None:
    """For every extent; a pattern on a sequence is another thing."""
    named = "grid y: H, x: W\nattention a { mask blocks(7) on x - (~(blocks(7) on y)) }"
    found = attnc("equal", "grid/swin", named)
    assert found.status == 0 and "for every extent, proved in" in found.out
    found = attnc("equal", "grid/swin", "grid/natten2d")
    assert found.status == 1 and "grid (1, 8): only one of them holds q = (0, 4)" in found.out
    square = "grid y: N, x: N\nattention a { mask blocks(7) on y & blocks(7) on x }"
    assert attnc("equal", "grid/swin", square, "--json").json["verdict"] == "refuted"
    assert attnc("equal", "grid/swin", "line/causal", "--json").json["verdict"] == "refuted"


def test_equal_masks_are_not_equal_scores(attnc: Callable) -> None:
    found = attnc("equal", "line/causal", "score/softcap")
    assert found.status == 1 and "scores" in found.out


def test_equal_refuses_a_parameter_of_neither(attnc: Callable) -> None:
    assert attnc("equal", "line/mistral", "line/mistral", "-p", "q=3").status == 2


def test_fmt_in_place(attnc: Callable, tmp_path: Path) -> None:
    path = tmp_path / "a.attn"
    path.write_text(UGLY)
    assert attnc("fmt", "--check", path).status == 1
    assert path.read_text() == UGLY
    assert attnc("fmt", path).status == 0
    assert path.read_text() == PRETTY
    assert attnc("fmt", "--check", path).status == 0
    assert attnc("fmt", path, "--json").json[0]["changed"] is False


def test_fmt_of_stdin_and_text(attnc: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(UGLY))
    assert attnc("fmt", "-").out == PRETTY
    assert attnc("fmt", UGLY).out == PRETTY


def test_fmt_of_what_cannot_be_read(attnc: Callable, tmp_path: Path) -> None:
    assert attnc("fmt", "attention a {").status == 1
    assert attnc("fmt", tmp_path / "none.attn").status == 2
    binary = tmp_path / "b.attn"
    binary.write_bytes(b"\xff\xfe")
    assert attnc("fmt", binary).status == 2


def test_list(attnc: Callable) -> None:
    rows = {row["name"]: row for row in attnc("list", "--json").json}
    assert list(rows) == sorted(all_shipped())
    assert rows["line/longformer"]["parameters"] == {"w": "256", "g": "16"}
    assert rows["line/longformer"]["family"] == "line"
    assert all(row["summary"] for row in rows.values())
    assert "line/longformer" in attnc("list").out


def test_cache(attnc: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNC_CACHE_DIR", str(tmp_path / "cache"))
    assert attnc("cache", "path").out.strip() == str(tmp_path / "cache")
    kernel = tmp_path / "cache" / "kernels" / "x" / "kernel.ll"
    kernel.parent.mkdir(parents=True)
    kernel.write_text("12345")
    assert attnc("cache", "clear", "--json").json["freed"] == 5
    assert not kernel.exists()
    assert attnc("cache", "path", "--json").json["bytes"] == 0


def test_emit_ast(attnc: Callable) -> None:
    found = attnc("emit", "line/longformer", "--stage", "ast")
    assert found.status == 0
    assert "      left: SetCall window @3:10\n        arguments: Name w @3:17\n" in found.out


@pytest.mark.parametrize(
    ("stage", "target", "said"),
    [
        ("ptx", "cpu", "cuda:sm_90"),
        ("asm", "cuda:sm_90", "ttgir, llvm, ptx and sass"),
        ("sass", "hip:gfx942", "a stage of --target cuda:sm_80"),
        ("amdgcn", "cpu:avx2", "hip:gfx942 or hip:gfx950"),
    ],
)
def test_emit_of_a_stage_of_another_target(
    attnc: Callable, stage: str, target: str, said: str
) -> None:
    found = attnc("emit", "line/causal", "--stage", stage, "--target", target)
    assert (found.status, found.out) == (2, "")
    assert said in found.err


def test_view(attnc: Callable, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found = attnc("view", "line/mistral", "-p", "w=32", "-o", page)
    assert found.status == 0 and found.out == f"mistral(w = 32) is in {page}\n"
    assert "window(w - 1, 0)" in page.read_text()
    data = attnc("view", "grid/natten2d", "--grid", "8x4", "-o", page, "--json").json
    assert data == {"file": str(page), "seq": 32, "grid": [8, 4]}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("line/mistral", "-o", "page.pdf"), "has to end in .html"),
        (("line/mistral", "--seq", "4096", "-o", "page.html"), "1 to 1024 tokens"),
        (("line/longlora", "--heads", "64", "-o", "page.html"), "1 to 32 heads"),
        (("line/progressive_stack", "-p", "v=3", "-o", "page.html"), "has no parameter `v`"),
        (("grid/clear", "-p", "text=2000", "-o", "page.html"), "1 to 1024 tokens"),
        (("route/moba", "-o", "page.html"), "a route chooses by queries and keys"),
        (("grid/natten2d", "--seq", "9", "--grid", "3x3", "-o", "page.html"), "leave --seq out"),
        (("line/mistral", "-p", "v=3", "-o", "page.html"), "has no parameter `v`"),
    ],
)
def test_view_refuses(attnc: Callable, arguments: tuple[str, ...], reason: str) -> None:
    found = attnc("view", *arguments)
    assert found.status == 2 and reason in found.err
    assert not Path("page.html").exists()
