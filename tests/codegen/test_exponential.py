"""Exponential and logarithm against numpy's, over their ranges, in one small compiled kernel."""

import numpy as np
import pytest
import torch

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import FLOAT, Value
from attnc.codegen.tvm.exponential import exp, exp2, expm1
from attnc.codegen.tvm.kernel import LET
from attnc.codegen.tvm.logarithm import log
from attnc.codegen.tvm.target import TvmTarget
from attnc.runtime.cpu import build
from attnc.runtime.cpu.cpus import host_machine

LANES, COUNT = 16, 1 << 16
EDGES = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 126.0, 127.0, -126.0, -126.5, -127.0, -128.0, -200.0, 200.0,
    -3e38, 3e38, -np.inf, np.inf, np.nan, 1e-30, -1e-30,
]  # fmt: skip


def special(name: str, out: Emitter, x: Value) -> Value:
    return TvmTarget(out, {}, lambda base, indices: x).special(name, (x,))


def functions(machine) -> dict:
    """What is tested, as emitters from a value to a value."""
    found = {"exp2": exp2, "exp": exp, "expm1": expm1, "log": log}
    for name in ("tanh", "sigmoid"):
        found[name] = lambda out, x, name=name: TvmTarget(out, {}, lambda b, i: x).special(
            name, (x,)
        )
    if machine.scale is not None:
        found["exp2 scaled"] = lambda out, x: exp2(out, x, scale=machine.scale)
        both = {"scale": machine.scale, "fraction": machine.fraction}
        found["exp2 of the fraction"] = lambda out, x: exp2(out, x, **both)
    return found


def script(chosen: dict) -> str:
    """A module that applies each function to vectors of `x`, row by row of `y`."""
    out = Emitter(LET)
    out.line("@I.ir_module")
    with out.block("class Module:"):
        out.line("@T.prim_func(s_tir=True)")
        with out.block(
            f"def main(x: T.Buffer(({COUNT},), 'float32'),"
            f" y: T.Buffer(({len(chosen) * COUNT},), 'float32')):"
        ):
            out.line('T.func_attr({"global_symbol": "main", "tirx.noalias": True})')
            with out.block(f"for i in range({COUNT // LANES}):"):
                at = f"T.ramp(i * {LANES}, 1, {LANES})"
                for row, emit in enumerate(chosen.values()):
                    found = emit(out, Value(f"x[{at}]", FLOAT, LANES))
                    out.line(f"y[T.ramp({row * COUNT} + i * {LANES}, 1, {LANES})] = {found.text}")
    return out.text()


@pytest.fixture(scope="module")
def results() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The arguments, and each function's values on this machine."""
    chosen = functions(host_machine())
    spread = np.linspace(-140, 140, COUNT - 2 * COUNT // 4 - len(EDGES))
    near = np.linspace(-2, 2, COUNT // 4)
    tiny = np.geomspace(1e-30, 1, COUNT // 4) * np.where(np.arange(COUNT // 4) % 2, 1, -1)
    x = np.concatenate([EDGES, spread, near, tiny]).astype(np.float32)
    (kernel,) = build.load(build.to_llvm(script(chosen), build.host()), "main")
    # torch aligns to 64 bytes, as the buffers of the script expect; numpy does not
    given, found = torch.tensor(x), torch.empty(len(chosen), COUNT)
    kernel(given, found.view(-1))
    return x, dict(zip(chosen, found.numpy(), strict=True))


def relative(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.max(np.abs(found - wanted) / np.abs(wanted)))


def test_exp2(results):
    x, found = results
    inside = np.abs(x) <= 126
    wanted = np.exp2(x[inside].astype(np.float64))
    for name in (name for name in found if name.startswith("exp2")):
        assert relative(found[name][inside], wanted) < 2.0e-7
        assert (found[name][x < -150] == 0).all()
        assert np.isnan(found[name][np.isnan(x)]).all()


def test_exp2_of_what_is_masked_is_exactly_zero(results):
    x, found = results
    assert (found["exp2"][x <= -127] == 0).all()
    assert (found["exp2"][x == 0] == 1).all()


def test_exp(results):
    x, found = results
    inside = np.abs(x) <= 87
    wanted = np.exp(x[inside].astype(np.float64))
    ulps = 1.2e-7 * (2 + np.abs(x[inside]))  # rounding x * log2(e) costs |x| half-units
    assert (np.abs(found["exp"][inside] - wanted) <= ulps * wanted).all()
    assert np.isnan(found["exp"][np.isnan(x)]).all()


def test_expm1_keeps_small_arguments(results):
    x, found = results
    inside = (np.abs(x) <= 1) & (x != 0)
    assert relative(found["expm1"][inside], np.expm1(x[inside].astype(np.float64))) < 1e-6


def test_log_of_normal_numbers(results):
    x, found = results
    inside = (x > 1e-30) & np.isfinite(x)
    wanted = np.log(x[inside].astype(np.float64))
    assert (np.abs(found["log"][inside] - wanted) <= 2.0e-7 * np.abs(wanted)).all()
    assert (found["log"][x == 1] == 0).all()


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_saturating_functions(results, name):
    x, found = results
    exact = {"tanh": np.tanh, "sigmoid": lambda v: 1 / (1 + np.exp(-v))}[name]
    inside = (np.abs(x) <= 80) & (x != 0)
    assert relative(found[name][inside], exact(x[inside].astype(np.float64))) < 1.2e-5
    assert (np.abs(found[name][~np.isnan(x)]) <= 1).all()
    assert np.isnan(found[name][np.isnan(x)]).all()
