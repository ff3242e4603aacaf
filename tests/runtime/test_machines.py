"""One description prints kernels for every CPU model; all of them run here and agree."""

import math

import pytest
import torch

import attnc
from attnc.codegen.tvm.machine import AVX2, AVX512, GENERIC, NEON, Machine
from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime import build, kernels
from attnc.runtime.call import Row
from attnc.runtime.launch import Arguments, launch
from attnc.runtime.lower import lower, print_module

SPEC = "attention a(w = 50) {\n mask causal & (window(w, 0) | sink(3))\n score softcap(s, 20)\n}"


@pytest.mark.parametrize("machine", [AVX2, NEON, GENERIC], ids=lambda m: m.name)
def test_a_lower_machine_gives_the_same_numbers(machine: Machine) -> None:
    if build.host_machine() is not AVX512 and machine is not GENERIC:
        machine = GENERIC  # wider models than this CPU's own are not for this CPU
    bound = load(SPEC).bind()
    source = print_module(lower(bound, Sizes(0, 0, 36, 20), machine), bound, machine)
    run, plan = build.load(build.to_llvm(source.text, build.host().cpu), "main", "plan")
    q, k, v = torch.randn(1, 4, 131, 36), torch.randn(1, 2, 131, 36), torch.randn(1, 2, 131, 20)
    out, lse = torch.empty(1, 4, 131, 20), torch.empty(1, 4, 131)
    rows, scale = [Row(0, 0, 0, 0, 131, 131)], 1 / math.sqrt(36)
    arguments = Arguments(q, k, v, out, lse, rows, {}, {}, scale)
    launch(kernels.LoadedKernel(run, plan, source.facts), arguments)
    wanted, wanted_lse = attnc.reference(SPEC)(q, k, v, return_lse=True)
    torch.testing.assert_close(out.double(), wanted, atol=2e-6, rtol=2e-6)
    torch.testing.assert_close(lse.double(), wanted_lse, atol=5e-6, rtol=2e-6)
