"""Runs Triton files in the interpreter: prints one line of JSON for each call, with its errors.

A process of its own, because Triton reads TRITON_INTERPRET when it is imported.
"""

import importlib.util
import json
import sys
import tempfile
from math import prod
from operator import itemgetter
from pathlib import Path

import numpy as np
import torch
import triton.language as tl
from triton.runtime import interpreter

from attnc import reference
from attnc.codegen.triton.config import TritonConfig
from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime.calls.call import bind_call
from attnc.runtime.gpu.lower_triton import Backward, triton_source
from tests.interpreter import quicken

HEADS, KV_HEADS = 4, 2
PLAIN = {"dtype": "float32", "dims": (16, 16), "tile": (16, 16), "scale": None, "backward": None}
PLAIN |= {"rows": 0, "packed": 1, "sequences": False, "calls": [], "descriptors": False}
GRID = interpreter.interpreter_builder.set_grid_idx
DOT = interpreter.InterpreterBuilder.create_dot
EMPTY = torch.Tensor.new_empty


def poisoned(self: torch.Tensor, *sizes, **options) -> torch.Tensor:
    found = EMPTY(self, *sizes, **options)
    return found.fill_(float("nan") if found.is_floating_point() else 2**30)


def widened(block):
    """The interpreter keeps bfloat16 as its bits, and multiplies those as integers."""
    if block.dtype.scalar != tl.bfloat16:
        return block
    wide = (block.data.astype(np.uint32) << 16).view(np.float32)
    return interpreter.TensorHandle(wide, tl.float32)


def dot(self, a, b, *rest):
    return DOT(self, widened(a), widened(b), *rest)


def backwards(x: int, y: int, z: int) -> None:
    """The programs of a grid in the opposite order."""
    last = interpreter.interpreter_builder.grid_dim
    GRID(last[0] - 1 - x, last[1] - 1 - y, last[2] - 1 - z)


def imported(text: str, folder: Path):
    path = folder / "kernel.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("kernel", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def inputs_of(bound, queries: int, keys: int) -> dict[str, torch.Tensor]:
    sizes = {"h": HEADS, "hkv": KV_HEADS, "token": keys, "q": queries, "k": keys, "d": 64}
    found = {}
    for name, declared in bound.inputs.items():
        shape = [sizes[axis] for axis in declared.axes]
        if declared.dtype == "float":
            found[name] = torch.rand(shape)
        elif "token" in declared.axes:
            found[name] = torch.arange(keys) // 23
        else:
            found[name] = torch.randint(0, 2, shape)
    return found


def gradients(case, bound, module, tensors, options, own, places) -> dict:
    """Greatest error of each gradient, over the greatest element of the oracle's."""
    learned = [options[name] for name, declared in bound.inputs.items() if declared.grad]
    leaves = [x.requires_grad_() for x in (*tensors, *learned)]
    results = []
    wide = {n: x.double() if any(x is y for y in learned) else x for n, x in options.items()}
    exact = oracle(case, tensors, wide | places)
    seen = torch.isfinite(exact[1])
    ups = [torch.randn(exact[0].shape), torch.randn(exact[1].shape)]

    def found(outputs) -> list:
        out, lse = outputs
        total = (out * ups[0].to(out.dtype)).sum() + (lse * ups[1].to(lse.dtype))[seen].sum()
        return torch.autograd.grad(total, leaves, retain_graph=True)

    wanted = found(exact)
    for order in (GRID, backwards):
        interpreter.interpreter_builder.set_grid_idx = order
        results.append(found(module.attention(*tensors, **options, **own)))
    interpreter.interpreter_builder.set_grid_idx = GRID
    pairs = list(zip(results[0], wanted, strict=True))
    return {
        "case": f"{case} {tuple(tensors[0].shape)}",
        "errors": [float((x - y).abs().max() / max(1.0, y.abs().max())) for x, y in pairs],
        "repeats": all(torch.equal(x, y) for x, y in zip(*results, strict=True)),
    }


def launch_options(bound, q: torch.Tensor, k: torch.Tensor, call: dict) -> tuple[dict, dict]:
    """Where the sequences of a call lie: as the file is told, and as the oracle is."""
    own = {"splits": call["splits"]} if "splits" in call else {}
    if "grid" in call:
        return {"grid": call["grid"]}, {"grid": tuple(call["grid"])}
    places = {n: torch.tensor(x) for n, x in call.items() if n not in ("size", "splits")}
    if places:
        bound = bind_call(bound, q, k, k, **places, inputs=inputs_of(bound, *call["size"][1:]))
        columns = itemgetter(0, 1, 2, 4, 5)
        own["rows"] = torch.tensor([columns(row) for row in bound.rows])
    return own, places


def oracle(case: dict, tensors, options: dict):
    """Output and lse; packed ones go in as [total, H, D]."""
    spec = reference(case.get("text", case["spec"]), **case["parameters"])
    tensors = [x.double() for x in tensors]
    if "cu_seqlens" not in options:
        return spec(*tensors, **options)
    out, lse = spec(*(x[0].transpose(0, 1) for x in tensors), **options)
    return out.transpose(0, 1)[None], lse[None]


def run(case: dict, folder: Path) -> None:
    settings = PLAIN | {key: case[key] for key in PLAIN if key in case}
    (folder / "spec.attn").write_text(case.get("text", ""), encoding="utf-8")
    spec = folder / "spec.attn" if "text" in case else case["spec"]
    bound = load(spec).bind(**case["parameters"])
    wide, value = settings["dims"]
    few = {name: settings[name] for name in ("rows", "packed", "sequences")}
    sizes = Sizes(HEADS, KV_HEADS, wide, value, dtype=settings["dtype"], **few)
    backward = Backward.alike(*settings["backward"]) if settings["backward"] else None
    config = TritonConfig(descriptors=settings["descriptors"])
    source = triton_source(bound, sizes, tuple(settings["tile"]), config, backward=backward)
    module = imported(source.text, folder)
    dtype = getattr(torch, settings["dtype"])
    plain = [{"size": (1, *lengths)} for lengths in case.get("lengths", [])]
    plain += [{"size": (1, *[prod(g)] * 2), "grid": g} for g in case.get("grids", [])]
    for call in plain + settings["calls"]:
        batch, queries, keys = call["size"]
        q = torch.randn(batch, queries, HEADS, wide).transpose(1, 2).to(dtype)
        k, v = (torch.randn(batch, KV_HEADS, keys, d).to(dtype) for d in (wide, value))
        options = {"scale": settings["scale"], "return_lse": True}
        options |= inputs_of(bound, queries, keys)
        own, places = launch_options(bound, q, k, call)
        if backward:
            print(
                json.dumps(gradients(case, bound, module, (q, k, v), options, own, places)),
                flush=True,
            )
            continue
        out, lse = module.attention(q, k, v, **options, **own)
        interpreter.interpreter_builder.set_grid_idx = backwards
        again = module.attention(q, k, v, **options, **own)
        interpreter.interpreter_builder.set_grid_idx = GRID
        wanted, wanted_lse = oracle(case, (q, k, v), options | places)
        seen = ~torch.isneginf(wanted_lse)
        report = {
            "case": f"{case['spec']} {case['parameters']} {settings} {call}",
            "out": float((out - wanted).abs().max()),
            "lse": float((lse - wanted_lse)[seen].abs().max()) if seen.any() else 0.0,
            "blind": bool((torch.isneginf(lse) == ~seen).all() and not out[~seen].any()),
            "repeats": bool(torch.equal(out, again[0]) and torch.equal(lse, again[1])),
        }
        print(json.dumps(report), flush=True)


def main() -> None:
    torch.manual_seed(0)
    torch.Tensor.new_empty = poisoned
    interpreter.InterpreterBuilder.create_dot = dot
    quicken()
    for case in json.loads(sys.argv[1]):
        with tempfile.TemporaryDirectory() as folder:
            run(case, Path(folder))


if __name__ == "__main__":
    main()
