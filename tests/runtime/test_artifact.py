"""Artifacts: the same numbers elsewhere, and nothing loaded that was changed."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import attnc
from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import (
    DtypeMismatch,
    InvalidArtifact,
    NotInArtifact,
    ShapeMismatch,
)
from attnc.dsl.loader import load as load_spec
from attnc.runtime.artifacts.artifact import load, save
from attnc.runtime.artifacts.contents import Contents
from attnc.runtime.artifacts.manifest import seal
from attnc.runtime.calls.options import Options
from tests.runtime.tolerance import assert_right, qkv

LIBRARY = "mask near(n) = { q - k <= n }\n"
SPEC = """use "parts/near.attn"
attention own(n = 20) {
    input doc: int[token]
    mask causal & near(n) & { doc[q] == doc[k] }
}
"""


FORWARD = Contents((), gradients=False)


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec of two files, with a parameter that is not its default."""
    home = tmp_path_factory.mktemp("own")
    (home / "parts").mkdir()
    (home / "parts" / "near.attn").write_text(LIBRARY)
    (home / "own.attn").write_text(SPEC)
    bound = load_spec(home / "own.attn").bind(n=31)
    options = Options(dtype=torch.float32, head_dim=16, value_dim=16)
    folder = save(home / "built", bound, Sizes(head_dim=16, value_dim=16), options, FORWARD)
    (home / "own.attn").unlink()
    return folder


@pytest.fixture
def copied(artifact: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(artifact, tmp_path / "copy"))


def arguments() -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
    return qkv(130, batch=2, heads=4, kv_heads=2), torch.arange(130) // 50


def test_same_numbers(copied: Path) -> None:
    tensors, doc = arguments()
    op = attnc.load(copied)
    assert op.parameters == {"n": 31}
    assert torch.equal(assert_right(op, *tensors, doc=doc), load(str(copied))(*tensors, doc=doc))
    assert op.compilations == 0


FRESH = """
import os, sys, torch, attnc
folder, given, result = sys.argv[1:]
q, k, v, doc = torch.load(given)
torch.save(attnc.load(folder)(q, k, v, doc=doc, return_lse=True), result)
assert not os.path.exists(os.environ["ATTNC_CACHE_DIR"])
"""


def test_fresh_process_without_a_compiler(copied: Path, tmp_path: Path) -> None:
    tensors, doc = arguments()
    torch.save((*tensors, doc), tmp_path / "given.pt")
    environment = os.environ | {"PATH": "", "CC": "/none", "ATTNC_CACHE_DIR": str(tmp_path / "no")}
    names = [copied, tmp_path / "given.pt", tmp_path / "result.pt"]
    command = [sys.executable, "-c", FRESH, *map(str, names)]
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    wanted = attnc.load(copied)(*tensors, doc=doc, return_lse=True)
    assert all(map(torch.equal, torch.load(tmp_path / "result.pt"), wanted))


def test_pickle(copied: Path) -> None:
    tensors, doc = arguments()
    op = attnc.load(copied)
    other = pickle.loads(pickle.dumps(op))
    assert torch.equal(other(*tensors, doc=doc), op(*tensors, doc=doc))


def test_two_artifacts_of_one_spec(copied: Path, tmp_path: Path) -> None:
    """Each keeps its own specialisation, in one process."""
    bound = load_spec("line/mistral").bind(w=9)
    for dim in (8, 24):
        options = Options(head_dim=dim, value_dim=dim)
        save(tmp_path / str(dim), bound, Sizes(head_dim=dim, value_dim=dim), options, FORWARD)
    ops = {dim: attnc.load(tmp_path / str(dim)) for dim in (8, 24)}
    for dim, op in ops.items():
        assert_right(op, *qkv(50, dim=dim))


def test_another_call_than_it_was_made_for(copied: Path) -> None:
    (q, k, v), doc = arguments()
    op = attnc.load(copied)
    with pytest.raises(DtypeMismatch, match=r"torch.bfloat16.*torch.float32, which it was comp"):
        op(*(x.bfloat16() for x in (q, k, v)), doc=doc)
    with pytest.raises(ShapeMismatch, match="head_dim 16, which it was compiled for, not 8"):
        op(q[..., :8], k[..., :8], v, doc=doc)
    with pytest.raises(ShapeMismatch, match="value_dim 16, which it was compiled for, not 8"):
        op(q, k, v[..., :8], doc=doc)
    with pytest.raises(NotInArtifact, match=r"cropped away.*again with --cropped"):
        op(q, k, v, doc=doc, k_start=5)
    with pytest.raises(NotInArtifact, match=r"of the gradients; .*again without --forward-only"):
        op(q.clone().requires_grad_(), k, v, doc=doc).sum().backward()
    assert_right(op, q, k, v, doc=doc, k_start=-5)


# Damage


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(InvalidArtifact) as found:
        attnc.load(folder)
    assert all(word in str(found.value) for word in (str(folder), *words)), found.value


def change(folder: Path, edit: Callable[[dict[str, Any]], object], sealed: bool = True) -> None:
    """Edit the manifest as another version would have written it, or (not sealed) as anyone may."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    if sealed:
        manifest["sha256"] = seal(manifest)
    path.write_text(json.dumps(manifest))


KERNEL = ("kernel.ll", "facts.json", "kernel.py")
NAMES = [*(f"forward/{name}" for name in KERNEL), "spec/own.attn", "spec/parts/near.attn"]


def test_the_files(artifact: Path) -> None:
    manifest = json.loads((artifact / "manifest.json").read_text())
    assert sorted(manifest["files"]) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_file(copied: Path, name: str) -> None:
    path = copied / name
    path.write_bytes(path.read_bytes() + b" ")
    refused(copied, f"`{name}` was changed")
    path.unlink()
    refused(copied, f"`{name}` is missing")


def test_no_artifact(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "manifest.json")
    refused(tmp_path, "manifest.json")
    (tmp_path / "manifest.json").write_text("{")
    refused(tmp_path, "manifest.json")
    (tmp_path / "manifest.json").write_text("[]")
    refused(tmp_path, "schema")


@pytest.mark.parametrize("schema", [0, 1, 99, "2", None])
def test_another_schema(copied: Path, schema: Any) -> None:
    change(copied, lambda manifest: manifest.update(schema=schema))
    refused(copied, f"its schema is {schema}, and this version reads 2: compile the spec again")


def test_a_file_that_changes_before_its_kernel_is_called(copied: Path) -> None:
    op = attnc.load(copied)
    with (copied / "forward" / "kernel.ll").open("a") as file:
        file.write("; more\n")
    tensors, doc = arguments()
    with pytest.raises(InvalidArtifact, match=r"`forward/kernel.ll` was changed"):
        op(*tensors, doc=doc)


def test_another_artifact_in_its_place(copied: Path) -> None:
    """What it held is gone, and the operators of both are not mixed up."""
    op, bound = attnc.load(copied), load_spec("line/causal").bind()
    save(copied, bound, Sizes(head_dim=8, value_dim=8), Options(), FORWARD)
    tensors, doc = arguments()
    with pytest.raises(InvalidArtifact, match="forward"):
        op(*tensors, doc=doc)
    assert not (copied / "spec" / "own.attn").exists()
    assert_right(attnc.load(copied), *qkv(50, dim=8))


def test_another_tvm(copied: Path) -> None:
    change(copied, lambda manifest: manifest.update(tvm="0.1.2"))
    refused(copied, "TVM 0.1.2")


def test_another_cpu(copied: Path) -> None:
    change(copied, lambda manifest: manifest.update(cpu="alien", features=["avx512f", "warp9"]))
    refused(copied, "alien", "warp9")
    change(copied, lambda manifest: manifest.update(features=[]))
    refused(copied, "alien")


def test_a_file_outside_of_the_folder(copied: Path) -> None:
    (copied.parent / "other.ll").write_text("")
    for name in ("../other.ll", "/etc/hostname"):
        change(copied, lambda manifest, name=name: manifest["files"].update({name: "0" * 64}))
        refused(copied, "outside")


@pytest.mark.parametrize("name", ["files", "spec", "sizes", "dtype", "layout", "parameters", "tvm"])
def test_a_manifest_that_lacks_something(copied: Path, name: str) -> None:
    change(copied, lambda manifest: manifest.pop(name), sealed=False)
    refused(copied, "`manifest.json` was changed")


CHANGES: list[dict[str, Any]] = [
    {"parameters": {"n": 5}},
    {"sizes": {"head_dim": 8, "value_dim": 16}},
    {"dtype": "bfloat16"},
    {"layout": "bshd"},
    {"files": {}},
    {"sha256": "0" * 64},
]


@pytest.mark.parametrize("fields", CHANGES, ids=str)
def test_a_changed_manifest(copied: Path, fields: dict[str, Any]) -> None:
    """The manifest says what the kernel is, and so changes what its numbers mean."""
    change(copied, lambda manifest: manifest.update(fields), sealed=False)
    refused(copied, "`manifest.json` was changed")
