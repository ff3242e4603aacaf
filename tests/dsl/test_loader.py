"""Where specs come from, and that `use` stays inside the folder."""

from pathlib import Path

import pytest

from attnc.dsl.diagnostics import DiagnosticsError
from attnc.dsl.errors import DuplicateDefinition, UnknownSpec, UnreadableSpec, UseCycle, UseEscapes
from attnc.dsl.loader import load, shipped
from attnc.dsl.source import NOWHERE

SPEC = "attention a { mask near(2) }\n"


def mistake(spec: str | Path) -> type:
    with pytest.raises(DiagnosticsError) as caught:
        load(spec)
    (found,) = caught.value.diagnostics
    return type(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "specs" / "sub").mkdir(parents=True)
    (tmp_path / "specs" / "lib.attn").write_text("mask near(w) = window(w)\n")
    (tmp_path / "outside.attn").write_text("mask near(w) = window(w)\n")
    return tmp_path / "specs"


def write(folder: Path, used: str) -> Path:
    path = folder / "spec.attn"
    path.write_text(f'use std\nuse "{used}"\n{SPEC}')
    return path


def test_text_and_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder, "lib.attn")
    assert load(path).name == load(str(path)).name == "a"
    assert load("attention t { mask causal }").source.name == "<string>"
    assert load("# text\nattention t { mask causal }").name == "t"
    monkeypatch.chdir(folder)
    assert load("spec.attn").source.name == "spec.attn"


def test_every_shipped_spec_loads() -> None:
    for name in shipped():
        assert load(name).file.source.name.endswith(".attn")


def test_unknown_names() -> None:
    assert mistake("line/no_such_spec") is UnknownSpec
    assert mistake("../outside") is UnknownSpec
    assert mistake("nowhere.attn") is UnreadableSpec
    assert mistake(Path("/")) is UnreadableSpec
    hint = UnknownSpec("line/mistrall", ("line/full", "line/mistral"), span=NOWHERE)
    assert "did you mean `line/mistral`?" in hint.render()


def test_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "x.attn"
    path.write_bytes(b"\xff\xfe")
    assert mistake(path) is UnreadableSpec
    path.write_bytes(b"\xef\xbb\xbfattention a { mask causal }")
    assert load(path).name == "a"


def test_use_below(folder: Path) -> None:
    (folder / "sub" / "more.attn").write_text('use "deep.attn"\nmask far = causal - deep\n')
    (folder / "sub" / "deep.attn").write_text("mask deep = sink(4)\n")
    path = folder / "spec.attn"
    path.write_text('use "sub/more.attn"\nuse "sub/deep.attn"\nattention a { mask far | deep }\n')
    assert {"far", "deep", "window"} <= set(load(path).masks)


@pytest.mark.parametrize("used", ["../outside.attn", "sub/../../outside.attn", "/etc/passwd"])
def test_use_outside(folder: Path, used: str) -> None:
    assert mistake(write(folder, used)) is UseEscapes


def test_links_outside(folder: Path) -> None:
    (folder / "link.attn").symlink_to(folder.parent / "outside.attn")
    assert mistake(write(folder, "link.attn")) is UseEscapes
    (folder / "loop").symlink_to(folder / "loop")
    with pytest.raises(DiagnosticsError):
        load(write(folder, "loop"))
    (folder / "up").symlink_to(folder.parent)
    assert mistake(write(folder, "up/outside.attn")) is UseEscapes
    (folder / "inside.attn").symlink_to(folder / "lib.attn")
    assert load(write(folder, "inside.attn")).name == "a"


def test_cycles(folder: Path) -> None:
    (folder / "a.attn").write_text('use "b.attn"\n')
    (folder / "b.attn").write_text('use "a.attn"\n')
    assert mistake(write(folder, "a.attn")) is UseCycle


def test_two_files_with_one_name(folder: Path) -> None:
    (folder / "other.attn").write_text("mask near(w) = causal & window(w)\n")
    (folder / "again.attn").write_text('use "lib.attn"\nmask wide = near(64)\n')
    path = folder / "spec.attn"
    path.write_text(f'use "lib.attn"\nuse "again.attn"\n{SPEC}')
    assert "wide" in load(path).masks
    path.write_text(f'use "lib.attn"\nuse "other.attn"\n{SPEC}')
    assert mistake(path) is DuplicateDefinition
