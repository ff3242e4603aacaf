"""Operators of a GPU target on CPU tensors in Triton's interpreter; prints a line for each check.

A process of its own, because Triton reads TRITON_INTERPRET when it is imported.
"""

import pickle
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import attnc
from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import NotBuiltForTarget, NotInArtifact, ShapeMismatch
from attnc.runtime.gpu import autotune, tuned
from attnc.runtime.gpu.configs import Config
from tests.interpreter import quicken

TARGET = "cuda:sm_90"


def near(spec: str, heads: int = 4, layout: str = "bhsd", rows: int = 40, **given: Any) -> None:
    """Output and lse are the oracle's."""
    parameters = given.pop("parameters", {})
    op = attnc.compile(spec, target=TARGET, layout=layout, **parameters)
    q = torch.randn(2, heads, rows, 16)
    k, v = torch.randn(2, 2, 2, 50, 16)
    tensors = [x.transpose(1, 2) for x in (q, k, v)] if layout == "bshd" else [q, k, v]
    out, lse = op(*tensors, return_lse=True, **given)
    out = out.transpose(1, 2) if layout == "bshd" else out
    wanted, wanted_lse = attnc.reference(spec, **parameters)(
        q.double(), k.double(), v.double(), return_lse=True, **given
    )
    torch.testing.assert_close(out.double(), wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(lse.double(), wanted_lse, atol=1e-5, rtol=0)
    print(f"ok {op!r} {layout}")


def on_grid(spec: str, rows: int, **given: Any) -> None:
    """Output and lse on a grid, with or without segments, are the oracle's."""
    parameters = given.pop("parameters", {})
    op = attnc.compile(spec, target=TARGET, **parameters)
    q, k, v = torch.randn(2, 4, rows, 16), *torch.randn(2, 2, 2, rows, 16)
    found = op(q, k, v, return_lse=True, **given)
    wide = [x.double() for x in (q, k, v)]
    wanted = attnc.reference(spec, **parameters)(*wide, return_lse=True, **given)
    for one, right in zip(found, wanted, strict=True):
        torch.testing.assert_close(one.double(), right, atol=1e-5, rtol=0)
    print(f"ok {op!r}")


def placed() -> None:
    """A cache with one query, left padding, a chunk, packed sequences: outputs are the oracle's."""
    op = attnc.compile("line/mistral", target=TARGET, w=11)
    plain = attnc.reference("line/mistral", w=11)
    q, k, v = torch.randn(2, 4, 5, 16), *torch.randn(2, 2, 2, 50, 16)
    starts = torch.tensor([-3, 0])
    for options, queries in (({"kv_len": torch.tensor([30, 44]), "q_start": 29}, q[:, :, :1]),
                             ({"q_start": 20}, q), ({"k_start": starts}, q)):  # fmt: skip
        out, lse = op(queries, k, v, return_lse=True, **options)
        wide = [x.double() for x in (queries, k, v)]
        wanted, wanted_lse = plain(*wide, return_lse=True, **options)
        torch.testing.assert_close(out.double(), wanted, atol=1e-5, rtol=0)
        torch.testing.assert_close(lse.double(), wanted_lse, atol=1e-5, rtol=0)
    rows = [torch.randn(50, heads, 16) for heads in (4, 2, 2)]
    ends = torch.tensor([0, 13, 50], dtype=torch.int32)
    out = op(*rows, cu_seqlens=ends)
    wanted = plain(*(x.double() for x in rows), cu_seqlens=ends)
    torch.testing.assert_close(out.double(), wanted, atol=1e-5, rtol=0)
    assert op.compilations == 2  # few queries, and sequences
    print("ok placed")


def learns(
    spec: str,
    learned: Sequence[str] = (),
    layout: str = "bhsd",
    dtype: torch.dtype = torch.float32,
    with_lse: bool = True,
    **given: Any,
) -> None:
    """Gradients of q, k, v and of the inputs that learn are the oracle's."""
    parameters = given.pop("parameters", {})
    op = attnc.compile(spec, target=TARGET, layout=layout, **parameters)
    x = [torch.randn(2, n, h, 16) for n, h in ((21, 4), (30, 2), (30, 2))]
    x = x if layout == "bshd" else [one.transpose(1, 2) for one in x]
    leaves = [one.to(dtype).requires_grad_() for one in x]
    leaves += [given[name].requires_grad_() for name in learned]
    up, up_lse = torch.randn(x[0].shape), torch.randn(2, 4, 21) * with_lse

    def gradients(operator: Any, tensors: list[torch.Tensor], **more: Any) -> Any:
        out, lse = operator(*tensors[:3], return_lse=True, **more)
        total = (out * up.to(out.dtype)).sum()
        total = total + (lse * up_lse.to(lse.dtype)).sum() if with_lse else total
        return torch.autograd.grad(total, tensors)

    found = gradients(op, leaves, **given)
    wide = [one.detach().double().requires_grad_() for one in leaves]
    exact = attnc.reference(spec, layout=layout, **parameters)
    wanted = gradients(exact, wide, **given | dict(zip(learned, wide[3:], strict=True)))
    bound = 1e-5 if dtype == torch.float32 else 6e-3
    for one, right, leaf in zip(found, wanted, leaves, strict=True):
        assert one.dtype == leaf.dtype and one.shape == leaf.shape
        torch.testing.assert_close(
            one.double(), right, atol=bound * max(1, right.abs().max()), rtol=0
        )
    print(f"ok gradients of {op!r} {layout} {dtype}")


def learns_placed() -> None:
    """Gradients of a padded batch, of a chunk of a cache and of packed sequences."""
    op = attnc.compile("line/mistral", target=TARGET, w=11)
    plain = attnc.reference("line/mistral", w=11)
    batch, packed = ([(2, n, rows, 16) for n in (4, 2, 2)] for rows in (33, 33))
    packed = [(33, n, 16) for n in (4, 2, 2)]
    kv_len, ends = torch.tensor([30, 17]), torch.tensor([0, 13, 13, 33], dtype=torch.int32)
    for shapes, options in ((batch, {"kv_len": kv_len, "q_start": torch.tensor([2, -3])}),
                            (batch, {"k_start": torch.tensor([-3, 0])}),
                            (packed, {"cu_seqlens": ends})):  # fmt: skip
        x = [torch.randn(shape, requires_grad=True) for shape in shapes]
        wide = [y.detach().double().requires_grad_() for y in x]
        found, wanted = (
            torch.autograd.grad(operator(*y, **options).sin().sum(), y)
            for operator, y in ((op, x), (plain, wide))
        )
        for one, right in zip(found, wanted, strict=True):
            torch.testing.assert_close(one.double(), right, atol=1e-5, rtol=0)
    print("ok learns placed")


def refuses() -> None:
    op = attnc.compile("line/causal", target="cuda")
    x = torch.randn(1, 2, 8, 16)
    try:
        op(x, x, x, k_start=3)
    except NotBuiltForTarget as error:
        assert "`k_start` above 0" in str(error)
    else:
        raise AssertionError("keys that were cropped away")
    plain = attnc.compile("line/causal", target="cpu")
    meta = torch.empty(1, 2, 8, 16, device="meta")
    assert op(meta, meta, meta).shape == plain(meta, meta, meta).shape
    long = attnc.compile("score/relative_bias", target="cuda", r=4000)
    table = torch.rand(2, 8001, requires_grad=True)
    try:
        long(x, x, x, table=table).sum().backward()
    except NotBuiltForTarget as error:
        assert "a table of more than 4096 elements" in str(error) and "cpu" in str(error)
    else:
        raise AssertionError("a table that registers cannot hold")
    print("ok refuses")


def tunes() -> None:
    bound = attnc.compile("line/causal", target=TARGET).bound
    sizes = Sizes(head_dim=16, value_dim=16)
    x = torch.randn(1, 1, 70, 16)
    found = autotune.tune(bound, sizes, TARGET, lambda kernel: kernel.attention(x, x, x), 0.1)
    assert len(found.seconds) == 2 and found.seconds[found.config] == min(found.seconds.values())
    assert tuned.stored(bound, sizes, TARGET) == found.config
    other = Config(16, 16, 4)
    tuned.store(bound, sizes, TARGET, other)
    op = attnc.compile("line/causal", target=TARGET)
    op(x, x, x)
    (kernel,) = op._runner.loaded.values()
    assert "BLOCK_M = 16 " in kernel.path.read_text()
    print("ok tunes")


def loads(folder: Path) -> None:
    op = attnc.load(folder)
    x = torch.randn(1, 2, 40, 16, dtype=torch.float16)
    out = pickle.loads(pickle.dumps(op))(x, x, x)
    wanted = attnc.reference("line/causal")(*[x.double()] * 3)
    torch.testing.assert_close(out.double(), wanted, atol=4e-3, rtol=0)
    leaf, exact = x.clone().requires_grad_(), x.double().requires_grad_()
    (found,) = torch.autograd.grad(op(leaf, leaf, leaf).sin().sum(), leaf)
    plain = attnc.reference("line/causal")(exact, exact, exact)
    (wanted,) = torch.autograd.grad(plain.sin().sum(), exact)
    torch.testing.assert_close(found.double(), wanted, atol=2e-2, rtol=0)
    sizes, kernel = op._runner.only
    op._runner.only = sizes, replace(kernel, gradients=None)
    try:
        op(leaf, leaf, leaf).sum().backward()
    except NotInArtifact as error:
        assert "compile the spec again without --forward-only" in str(error)
    else:
        raise AssertionError("gradients that the artifact has not")
    wide = torch.randn(1, 2, 40, 32, dtype=torch.float16)
    try:
        op(wide, wide, wide)
    except ShapeMismatch as error:
        assert "head_dim 16, which it was compiled for" in str(error)
    else:
        raise AssertionError("another head dimension")
    print("ok loads")


def main() -> None:
    torch.manual_seed(0)
    quicken()
    near("line/mistral", parameters={"w": 9})
    near("line/causal", layout="bshd")
    near("input/document", doc=torch.arange(50) // 13)
    near("score/alibi", slope=torch.rand(4))
    near("score/sink_logit", parameters={"w": 20}, z=torch.randn(4))
    near("line/longlora", heads=2, rows=50, parameters={"g": 16})
    on_grid("grid/swin_rmt", 35, parameters={"size": 3}, grid=(5, 7), decay=torch.rand(4))
    on_grid("grid/clear", 30 + 5, parameters={"r": 2}, grid=(5, 6), text=5)
    near("attention a { mask full }", rows=0)
    placed()
    learns_placed()
    refuses()
    tunes()
    learns("line/mistral", layout="bshd", parameters={"w": 9})
    learns("line/causal", dtype=torch.float16, with_lse=False)
    learns("score/sink_logit", ["z"], parameters={"w": 20}, z=torch.randn(4))
    learns("score/alibi", ["slope"], slope=torch.rand(2, 4))
    learns("score/relative_bias", ["table"], parameters={"r": 4}, table=torch.rand(4, 11))
    loads(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
