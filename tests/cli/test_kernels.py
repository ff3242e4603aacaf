"""The commands that need torch or a build."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import attnc as package

TINY = ("--seq", 40, "--head-dim", 8, "--heads", 2, "--kv-heads", 1)


def test_compile_writes_an_artifact(attnc: Callable, tmp_path: Path) -> None:
    folder = tmp_path / "artifact"
    arguments = ("line/mistral", "-o", folder, "-p", "w=5", "--head-dim", 8, "--json")
    found = attnc("compile", *arguments)
    assert found.status == 0 and found.json["artifact"] == str(folder)
    first, *few, last = found.json["kernels"]
    assert (first, last) == ("forward", "backward") and {x[:4] for x in few} == {"few-"}
    q, k, v = (torch.randn(1, 2, 9, 8) for _ in range(3))
    exact = package.reference("line/mistral", w=5)(q, k, v)
    torch.testing.assert_close(package.load(folder)(q, k, v).double(), exact, atol=1e-5, rtol=0)


def test_compile_less(attnc: Callable, tmp_path: Path) -> None:
    arguments = ("line/mistral", "-o", tmp_path, "-p", "w=5", "--head-dim", 8, "--forward-only")
    assert attnc("compile", *arguments, "--queries", "many").out.endswith(": forward\n")


@pytest.mark.parametrize("target", ["cuda", "cuda:sm_91", "opencl", "metal", "abacus"])
def test_compile_for_a_target_that_is_not_built(
    attnc: Callable, target: str, tmp_path: Path
) -> None:
    found = attnc("compile", "line/causal", "-o", tmp_path / "x", "--target", target)
    assert found.status == 2 and target in found.err and "not built" in found.err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("target", ["opencl", "cuda", "metal"])
def test_source_for_gpus(attnc: Callable, target: str) -> None:
    found = attnc("emit", "line/mistral", "--target", target, "-p", "w=64")
    assert found.status == 0 and "attention_kernel" in found.out
    assert attnc("emit", "line/mistral", "--target", target, "--stage", "llvm").status == 2
    assert attnc("emit", "line/mistral", "--target", target, "--backward").status == 2
    refused = attnc("compile", "line/mistral", "-o", "x", "--target", target)
    hint = "cuda:sm_90" if target == "cuda" else f"emit line/mistral --target {target}"
    assert refused.status == 2 and hint in refused.err


def test_compile_refuses(attnc: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert attnc("compile", "line/causal", "-o", tmp_path).status == 2
    folder = tmp_path / "x"
    assert attnc("compile", "line/causal", "-o", folder, "--dtype", "fp8").status == 2
    assert attnc("compile", "line/longlora", "-o", folder).status == 2
    assert "1 to 64" in attnc("compile", "line/causal", "-o", folder, "--queries", "1,65").err
    gpu = ("--target", "cuda:sm_90", "--queries", 1)
    assert "one forward kernel" in attnc("compile", "line/causal", "-o", folder, *gpu).err
    assert "routes" in attnc("compile", "route/moba", "-o", folder).err
    found = attnc("compile", "attention a { mask full\n assert causal }", "-o", folder)
    assert found.status == 1 and "q = 0, k = 1" in found.err


def test_emit_the_dialects(attnc: Callable) -> None:
    assert "attn.attention @mistral" in attnc("emit", "line/mistral", "--stage", "attn").out
    assert "tile.kernel" in attnc("emit", "line/mistral", "--stage", "tile").out
    after = attnc("emit", "line/mistral", "--after", "elaborate", "--json").json
    assert after["stage"] == "elaborate" and "attn.pairs" in after["text"]
    assert "T.prim_func" in attnc("emit", "line/mistral", "--stage", "tvm").out


def test_emit_after_an_unknown_pass(attnc: Callable) -> None:
    found = attnc("emit", "line/mistral", "--after", "choose-tile")
    assert found.status == 2 and "did you mean `choose-tiles`?" in found.err
    assert "--heads" in attnc("emit", "line/longlora", "--stage", "tile").err


def test_analyze(attnc: Callable) -> None:
    data = attnc("analyze", "line/mistral", "-p", "w=512", "--seq", 65536, "--json").json
    assert data["cache_bound"] == 512 and data["useful"] == 65536 * 512 - 512 * 511 // 2
    assert json.dumps(data) == json.dumps(
        package.analyze("line/mistral", w=512, seq=65536).to_dict() | {"proofs": data["proofs"]}
    )
    assert "density" in attnc("analyze", "line/mistral", "--seq", 100).out
    assert attnc("analyze", "line/mistral").status == 2
    assert (
        "-p n=..."
        in attnc("analyze", "attention a { input n: int\n mask sink(n) }", "--seq", 9).err
    )
    assert attnc("analyze", "line/longlora", "--seq", 64).status == 2
    assert attnc("analyze", "line/mistral", "--seq", 64, "-p", "seq=3").status == 2


def test_verify(attnc: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    found = attnc("verify", "line/longformer", "-p", "w=7", "-p", "g=2", *TINY, "--json")
    assert found.status == 0 and found.json["ok"]
    assert {t["trial"]["name"] for t in found.json["trials"]} >= {"padded", "packed", "cropped"}
    assert all(0 <= trial["out"]["share"] <= 1 for trial in found.json["trials"])


def test_verify_finds_a_wrong_kernel(attnc: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from attnc.runtime.operator import Operator

    def wrong(self: Operator, q: torch.Tensor, *_: object, **__: object) -> object:
        return torch.full_like(q, torch.nan), torch.zeros(q.shape[:-1]), {}

    monkeypatch.setattr(Operator, "__call__", wrong)
    found = attnc("verify", "line/causal", *TINY)
    assert found.status == 1 and "FAILED" in found.out
    assert attnc("verify", "line/causal", *TINY, "--json").json["ok"] is False


@pytest.mark.parametrize("spec", ["line/causal", "line/full", "line/longformer"])
def test_bench(attnc: Callable, spec: str) -> None:
    found = attnc("bench", spec, *TINY, "--turns", 2, "--json")
    (row,) = found.json["comparisons"]
    assert found.status == 0 and row["peer"] == "sdpa" and row["difference"] < 1e-5
    low, middle, high = row["ratios"]
    assert 0 < low <= middle <= high


def test_bench_without_a_peer(attnc: Callable) -> None:
    found = attnc("bench", "score/softcap", *TINY)
    assert found.status == 2 and "cannot change the scores" in found.out
    assert attnc("bench", "line/causal", "--against", "cudnn").status == 2


def test_tune(attnc: Callable, tmp_path: Path) -> None:
    spec = "attention tuned { mask { q - 9 <= k <= q } }"  # no other test has its kernels
    arguments = (spec, *TINY, "--tune", "--limit", 1)
    found = attnc("bench", *arguments, "-o", tmp_path / "built", "--json")
    seconds, height = found.json["seconds"], str(found.json["height"])
    assert found.status == 0 and found.json["turns"] >= 3
    assert seconds[height] == min(seconds.values()) and str(found.json["chosen"]) in seconds
    facts = json.loads((tmp_path / "built" / "forward" / "facts.json").read_text())
    assert facts["tile_q"] == int(height)
    assert "kept" in attnc("bench", *arguments).out
    assert attnc("bench", *arguments[:-3], "-o", tmp_path / "other").status == 2


def test_a_tuned_tile_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from attnc.compiler.elaborate import Sizes
    from attnc.dsl.loader import load
    from attnc.runtime.cpu import build, kernels, tuning

    monkeypatch.setenv("ATTNC_CACHE_DIR", str(tmp_path))
    bound = load("attention tuned { mask { q - 7 <= k <= q } }").bind()
    sizes, lanes = Sizes(head_dim=16, value_dim=16), build.host().machine.lanes
    digest = kernels.digest(bound, sizes, build.host())
    place = tuning.store(digest, tuning.Tuned(lanes, 3 * lanes, {lanes: 1.0}, 3))
    assert kernels.from_files(kernels.files(bound, sizes)).facts.tile_q == lanes
    place.write_text("{}")  # damaged: as if nothing had been measured
    assert tuning.applied(sizes, digest) == sizes
    other = kernels.digest(bound, Sizes(head_dim=24, value_dim=16), build.host())
    assert tuning.applied(sizes, other) == sizes


def test_plot(attnc: Callable, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "mask.png"
    arguments = ("-p", "g=16", "--heads", 2, "--seq", 64, "--tile", 8, "--json")
    found = attnc("plot", "line/longlora", "-o", path, *arguments)
    assert found.status == 0 and path.read_bytes().startswith(b"\x89PNG")
    mask = package.mask("line/longlora", g=16, seq=64, heads=2)
    assert found.json["density"] == pytest.approx(float(mask.float().mean()))
    assert attnc("plot", "line/causal", "-o", tmp_path / "mask.doc").status == 2
    found = attnc("plot", "line/causal", "-o", tmp_path / "none" / "mask.png")
    assert found.status == 1 and "No such file" in found.err
    assert attnc("plot", "line/causal", "-o", path, "--seq", 100000).status == 2
    assert attnc("plot", "line/longlora", "-o", path, *arguments, "--head", 2).status == 2


def test_plotted_tiles_are_those_of_the_mask(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from attnc.runtime.pictures.palette import EMPTY, FULL
    from attnc.runtime.pictures.plot import plot

    drawn = plot("line/longformer", tmp_path / "m.svg", seq=50, tile=(8, 4), w=9, g=3)
    (panel,) = drawn.panels
    for t, row in enumerate(panel.tiles):
        for c, kind in enumerate(row):
            pairs = panel.pairs[8 * t : 8 * t + 8, 4 * c : 4 * c + 4]
            assert (kind != EMPTY) == pairs.any() and (kind == FULL) == pairs.all()


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_bench_of_gradients(attnc: Callable, dtype: str) -> None:
    arguments = ("bench", "line/causal", *TINY, "--turns", 2, "--dtype", dtype, "--backward")
    found = attnc(*arguments, "--json").json
    assert found["backward"] and found["dtype"] == dtype
    (row,) = found["comparisons"]
    assert 0 < row["difference"] < (1e-4 if dtype == "fp32" else 0.1)
    assert f"{dtype}, gradients" in attnc(*arguments).out


def test_bench_refuses(attnc: Callable) -> None:
    assert attnc("bench", "line/causal", *TINY, "--tune", "--backward").status == 2
    assert "invalid choice: 'int8'" in attnc("bench", "line/causal", "--dtype", "int8").err
