"""Artifacts of several kernels: few queries, gradients, branches, segments."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import attnc
from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import InvalidValue, NotBuiltForTarget
from attnc.dsl.loader import load as load_spec
from attnc.runtime.artifacts.artifact import save
from attnc.runtime.artifacts.contents import QUERIES, Contents
from attnc.runtime.calls.options import Options
from tests.runtime.tolerance import assert_right, qkv

FORWARD = Contents((), gradients=False)
BIASED = """attention biased(r = 3) {
    input table: float[h, d] grad
    input slope: float[h] grad
    mask causal
    score s + table[h, clamp(k - q, -r, 0) + r] - slope[h] * (q - k)
}
"""
WINDOW = "attention near { mask causal & window(40, 0) }"
COMPOSED = """attention two {
    input gate: float[q, h, branch] grad
    branch pooled { keys pooled(mean, size = 4, stride = 2)  mask { k.end <= q } }
    branch local { mask causal & window(40, 0) }
    merge sum(gate)
}
"""
BESIDE = """grid y: Y, x: X
segment text: L before
attention beside { mask (neighborhood(3) on y & neighborhood(5) on x) | { q in text or k in text } }
"""


@pytest.fixture(scope="session")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact for decoding with two heads of four sharing keys, for prefill and training."""
    options = Options(head_dim=16, value_dim=16, heads=4, kv_heads=2)
    sizes = Sizes(head_dim=16, value_dim=16)
    folder = tmp_path_factory.mktemp("complete")
    return save(folder, load_spec(BIASED).bind(), sizes, options, Contents((1, 16)))


def learned() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {"table": torch.randn(4, 4, generator=generator),
            "slope": torch.rand(4, generator=generator)}  # fmt: skip


def held(op: Any) -> set[tuple[int, int, bool]]:
    """Rows, packed heads and whether it has gradients, of the kernels that were loaded."""
    return {(s.rows, s.packed, wanted is not None) for s, wanted in op._runner.loaded}


def test_kernels_are_loaded_when_called(complete: Path) -> None:
    """One query has its own kernel, two the next that is held, many the general one."""
    op = attnc.load(complete)
    q, k, v = qkv(130, heads=4, kv_heads=2)
    assert held(op) == set()
    for count, rows in ((1, (2, 2, False)), (16, (32, 2, False)), (130, (0, 1, False))):
        before = held(op)
        assert_right(op, q[:, :, -count:], k, v, **learned())
        assert held(op) - before == {rows}
    assert_right(op, q[:, :, -3:], k, v, **learned())
    assert len(held(op)) == 3 and op.compilations == 0


TRAIN = """
import os, sys, torch, attnc
folder, given, result = sys.argv[1:]
q, k, v, table, slope = [x.requires_grad_() for x in torch.load(given)]
op = attnc.load(folder)
out, lse = op(q, k, v, table=table, slope=slope, return_lse=True)
grads = torch.autograd.grad((out * out).sum() + lse.sum(), (q, k, v, table, slope))
with torch.no_grad():
    one = op(q[:, :, -1:], k, v, table=table, slope=slope)
torch.save((out.detach(), one, *grads), result)
assert not os.path.exists(os.environ["ATTNC_CACHE_DIR"])
"""


def test_training_and_decoding_without_a_compiler(complete: Path, tmp_path: Path) -> None:
    """The numbers are those of an operator that compiles."""
    given = (*qkv(130, heads=4, kv_heads=2), *learned().values())
    torch.save(given, tmp_path / "given.pt")
    environment = os.environ | {"PATH": "", "CC": "/none", "ATTNC_CACHE_DIR": str(tmp_path / "no")}
    names = [complete, tmp_path / "given.pt", tmp_path / "result.pt"]
    command = [sys.executable, "-c", TRAIN, *map(str, names)]
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    q, k, v, table, slope = (x.requires_grad_() for x in given)
    own = attnc.compile(BIASED)
    out, lse = own(q, k, v, table=table, slope=slope, return_lse=True)
    grads = torch.autograd.grad((out * out).sum() + lse.sum(), (q, k, v, table, slope))
    wanted = (out, own(q[:, :, -1:], k, v, table=table, slope=slope), *grads)
    for mine, right in zip(torch.load(tmp_path / "result.pt"), wanted, strict=True):
        torch.testing.assert_close(mine, right.detach())


def test_the_gradients_of_some_inputs(complete: Path) -> None:
    """The kernel of all gradients serves; those that nobody wants are left out."""
    q, k, v = (x.requires_grad_() for x in qkv(40, heads=4, kv_heads=2))
    results = []
    for op in (attnc.load(complete), attnc.compile(BIASED)):
        table, slope = learned().values()
        out = op(q, k, v, table=table.requires_grad_(), slope=slope)
        results.append(torch.autograd.grad(out.square().sum(), (q, k, v, table)))
    for mine, right in zip(*results, strict=True):
        torch.testing.assert_close(mine, right)


def test_other_heads_have_the_general_kernel(complete: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(complete, tmp_path / "copy")
    op = attnc.load(copied)
    tables = {"table": torch.randn(3, 4), "slope": torch.rand(3)}
    assert_right(op, *qkv(1, 200, heads=3, kv_heads=1), **tables)
    assert held(op) == {(0, 1, False)}


def test_cropped_kernels_serve_every_call(tmp_path: Path) -> None:
    sizes, options = Sizes(head_dim=16, value_dim=16, cropped=True), Options()
    bound = load_spec("line/streaming_llm").bind(sinks=5, w=60)
    op = attnc.load(save(tmp_path, bound, sizes, options, Contents((1,))))
    q, k, v = qkv(170, heads=2)
    for queries in (170, 1):
        for start in (0, 100):
            rows = slice(start, None) if queries == 1 else slice(None)
            assert_right(op, q[:, :, -queries:], k[:, :, rows], v[:, :, rows], k_start=start)
    op(*(x.requires_grad_() for x in (q, k, v))).sum().backward()
    assert held(op) == {(0, 1, False), (1, 1, False), (0, 1, True)}


def test_branches(tmp_path: Path) -> None:
    """Each attention has its kernels, under its name."""
    sizes, bound = Sizes(head_dim=16, value_dim=16), load_spec(COMPOSED).bind()
    folder = save(tmp_path, bound, sizes, Options(), Contents((1,)))
    assert {p.parent.name for p in folder.glob("*/*/kernel.ll")} == {
        "forward", "few-1x1", "backward"}  # fmt: skip
    assert {p.name for p in folder.iterdir()} == {"pooled", "local", "spec", "manifest.json"}
    op, gate = attnc.load(folder), torch.randn(130, 2, 2)
    tensors = [x.requires_grad_() for x in (*qkv(130, heads=2), gate)]
    results = []
    for one in (op, attnc.compile(COMPOSED)):
        q, k, v, own = tensors
        out = one(q, k, v, gate=own)
        last = one(q[:, :, -1:], k, v, gate=own[-1:])
        results.append((out, last, *torch.autograd.grad(out.square().sum(), tensors)))
    for mine, right in zip(*results, strict=True):
        torch.testing.assert_close(mine, right)
    assert op.compilations == 0 and pickle.loads(pickle.dumps(op)).parameters == {}


def test_segments(tmp_path: Path) -> None:
    sizes, bound = Sizes(head_dim=16, value_dim=16), load_spec(BESIDE).bind()
    op = attnc.load(save(tmp_path, bound, sizes, Options(), FORWARD))
    q, k, v = qkv(4 + 6 * 7)
    out = op(q, k, v, grid=(6, 7), text=4)
    wanted = attnc.reference(BESIDE)(q, k, v, grid=(6, 7), text=4)
    torch.testing.assert_close(out.double(), wanted, atol=1e-5, rtol=1e-5)
    assert op.compilations == 0


def test_what_is_not_held(tmp_path: Path) -> None:
    sizes = Sizes(head_dim=16, value_dim=16)
    with pytest.raises(NotBuiltForTarget, match="an artifact of a spec with routes"):
        save(tmp_path / "x", load_spec("route/moba").bind(), sizes, Options())
    assert not (tmp_path / "x").exists()
    with pytest.raises(InvalidValue, match="1 to 64"):
        Contents((1, 65))
    assert all(1 <= count <= 64 for count in QUERIES)


def test_bfloat16(tmp_path: Path) -> None:
    """The kernels held are those that calls in bfloat16 ask for, forward and backward."""
    sizes, bound = Sizes(head_dim=16, value_dim=16, dtype="bfloat16"), load_spec(WINDOW).bind()
    op = attnc.load(save(tmp_path, bound, sizes, Options(), Contents((1,))))
    tensors = [x.bfloat16().requires_grad_() for x in qkv(90)]
    results = []
    for one in (op, attnc.compile(WINDOW)):
        q, k, v = tensors
        out = one(q, k, v)
        grads = torch.autograd.grad(out.float().square().sum(), tensors)
        results.append((out, one(q[:, :, -1:], k, v), *grads))
    assert all(map(torch.equal, *results)) and op.compilations == 0
